# The agent: ovs-tprd, ovs-tprctl, tpr-regiond and what they share.

# All modules, so that programs and unit tests link what they use.
noinst_LTLIBRARIES += agent/libtpr.la
agent_libtpr_la_SOURCES =
agent_libtpr_la_SOURCES += agent/bfd-packet.c agent/bfd-packet.h
agent_libtpr_la_SOURCES += agent/bfd-session.c agent/bfd-session.h
agent_libtpr_la_SOURCES += agent/check.h
agent_libtpr_la_SOURCES += agent/config.c agent/config.h
agent_libtpr_la_SOURCES += agent/config-row.c agent/config-row.h
agent_libtpr_la_SOURCES += agent/datapath.h
agent_libtpr_la_SOURCES += agent/hb-thread.h
agent_libtpr_la_SOURCES += agent/heartbeat.c agent/heartbeat.h
agent_libtpr_la_SOURCES += agent/http.c agent/http.h
agent_libtpr_la_SOURCES += agent/liveness.c agent/liveness.h
agent_libtpr_la_SOURCES += agent/model.c agent/model-text.c agent/model.h
agent_libtpr_la_SOURCES += agent/neigh.h
agent_libtpr_la_SOURCES += agent/policy.h
nodist_agent_libtpr_la_SOURCES = \
	agent/tpr-idl.c \
	agent/tpr-idl.h

# Programs.  Each needs two lines beside its name:
#
#   sbin_PROGRAMS += agent/ovs-tprd
#   agent_ovs_tprd_SOURCES = agent/ovs-tprd.c
#   agent_ovs_tprd_LDADD = $(TPR_LDADD)
#
# Written manual pages: dist_man_MANS += agent/ovs-tprd.8

bin_PROGRAMS += agent/ovs-tprctl
agent_ovs_tprctl_SOURCES = \
	agent/ovs-tprctl.c \
	agent/tprctl-args.c \
	agent/tprctl-config.c \
	agent/tprctl-export.c \
	agent/tprctl-intent.c \
	agent/tprctl-keys.c \
	agent/tprctl-show.c \
	agent/tprctl.h
agent_ovs_tprctl_LDADD = $(TPR_LDADD)
dist_man_MANS += agent/ovs-tprctl.8

# The database.
EXTRA_DIST += \
	agent/ovs-tpr.ovsschema \
	agent/ovs-tpr.xml \
	agent/tpr-idl.ann
dist_ovsdata_DATA = agent/ovs-tpr.ovsschema

BUILT_SOURCES += agent/tpr-idl.c agent/tpr-idl.h
CLEANFILES += agent/tpr-idl.ovsidl agent/tpr-idl.c agent/tpr-idl.h
agent/tpr-idl.ovsidl: agent/ovs-tpr.ovsschema agent/tpr-idl.ann ovs.stamp
	$(AM_V_GEN)$(MKDIR_P) agent && $(OVSDB_IDLC) annotate \
	  $(srcdir)/agent/ovs-tpr.ovsschema $(srcdir)/agent/tpr-idl.ann \
	  > $@.tmp && mv $@.tmp $@
agent/tpr-idl.c agent/tpr-idl.h: agent/tpr-idl.ovsidl

man_MANS += agent/ovs-tpr.schema.5
CLEANFILES += agent/ovs-tpr.schema.5
agent/ovs-tpr.schema.5: agent/ovs-tpr.ovsschema agent/ovs-tpr.xml ovs.stamp
	$(AM_V_GEN)$(MKDIR_P) agent && $(OVSDB_DOC) --version=$(VERSION) \
	  $(srcdir)/agent/ovs-tpr.ovsschema $(srcdir)/agent/ovs-tpr.xml \
	  > $@.tmp && mv $@.tmp $@

# Start and stop script: agent/ovs-tpr-ctl.in becomes agent/ovs-tpr-ctl by a
# rule in Makefile.am:
#
#   EXTRA_DIST += agent/ovs-tpr-ctl.in
#   scripts_SCRIPTS += agent/ovs-tpr-ctl
#   CLEANFILES += agent/ovs-tpr-ctl
#
# Completion, which bash looks up by the name of the command:
#
#   EXTRA_DIST += agent/ovs-tprctl-bashcomp.bash
#   completion_DATA += agent/ovs-tprctl.bash
#   CLEANFILES += agent/ovs-tprctl.bash
agent/ovs-tprctl.bash: agent/ovs-tprctl-bashcomp.bash
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $< $@
