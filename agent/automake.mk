# The agent: ovs-tprd, ovs-tprctl, tpr-regiond and what they share.

# All modules, so that programs and unit tests link what they use.
noinst_LTLIBRARIES += agent/libtpr.la
agent_libtpr_la_SOURCES =
agent_libtpr_la_SOURCES += agent/agent.c agent/agent.h
agent_libtpr_la_SOURCES += agent/agent-words.c agent/agent-words.h
agent_libtpr_la_SOURCES += agent/arp-nd.c agent/arp-nd.h
agent_libtpr_la_SOURCES += agent/ask.c agent/ask.h
agent_libtpr_la_SOURCES += agent/ask-simulate.c
agent_libtpr_la_SOURCES += agent/ask-top.c
agent_libtpr_la_SOURCES += agent/batches.c agent/batches.h
agent_libtpr_la_SOURCES += agent/bfd-packet.c agent/bfd-packet.h
agent_libtpr_la_SOURCES += agent/bfd-session.c agent/bfd-session.h
agent_libtpr_la_SOURCES += agent/bridges.c agent/bridges.h
agent_libtpr_la_SOURCES += agent/check.c agent/check.h agent/check-private.h
agent_libtpr_la_SOURCES += agent/check-agent.c
agent_libtpr_la_SOURCES += agent/check-answer.c agent/check-answer.h
agent_libtpr_la_SOURCES += agent/check-http.c
agent_libtpr_la_SOURCES += agent/check-icmp.c
agent_libtpr_la_SOURCES += agent/check-logic.c agent/check-logic.h
agent_libtpr_la_SOURCES += agent/check-probe.c
agent_libtpr_la_SOURCES += agent/check-talk.c agent/check-talk.h
agent_libtpr_la_SOURCES += agent/check-tcp.c
agent_libtpr_la_SOURCES += agent/check-tls.c agent/check-tls.h
agent_libtpr_la_SOURCES += agent/check-udp.c
agent_libtpr_la_SOURCES += agent/complaints.c agent/complaints.h
agent_libtpr_la_SOURCES += agent/config.c agent/config.h
agent_libtpr_la_SOURCES += agent/config-check.c
agent_libtpr_la_SOURCES += agent/config-row.c agent/config-row.h
agent_libtpr_la_SOURCES += agent/counts.c agent/counts.h
agent_libtpr_la_SOURCES += agent/damping.c agent/damping.h
agent_libtpr_la_SOURCES += agent/datapath.c agent/datapath.h
agent_libtpr_la_SOURCES += agent/datapath-bpf.c
agent_libtpr_la_SOURCES += agent/datapath-dummy.c agent/datapath-dummy.h
agent_libtpr_la_SOURCES += agent/datapath-flows.c
agent_libtpr_la_SOURCES += agent/datapath-of.c agent/datapath-of.h
agent_libtpr_la_SOURCES += agent/datapath-ovs.c
agent_libtpr_la_SOURCES += agent/db-socket.c agent/db-socket.h
agent_libtpr_la_SOURCES += agent/dp-copy.c agent/dp-copy.h
agent_libtpr_la_SOURCES += agent/eligible.c agent/eligible.h
agent_libtpr_la_SOURCES += agent/fast-path.h
agent_libtpr_la_SOURCES += agent/fast-pins.c agent/fast-pins.h
if HAVE_BPF
agent_libtpr_la_SOURCES += agent/fast-ask.c
agent_libtpr_la_SOURCES += agent/fast-path.c agent/fast-load.c agent/fast-show.c
agent_libtpr_la_SOURCES += agent/fast-suspect.c
agent_libtpr_la_SOURCES += agent/fast-load.h agent/fast-private.h
agent_libtpr_la_SOURCES += agent/fast-ports.c agent/fast-ports.h
agent_libtpr_la_SOURCES += agent/tc-repair.c agent/tc-repair.h
agent_libtpr_la_SOURCES += agent/tc-watch.c agent/tc-watch.h
agent_libtpr_la_LIBADD = datapath-ext/libtprbpf.la
EXTRA_DIST += agent/fast-path-stub.c
else
agent_libtpr_la_SOURCES += agent/fast-path-stub.c
agent_libtpr_la_LIBADD = datapath-ext/libtprlink.la
EXTRA_DIST += agent/fast-load.c agent/fast-load.h agent/fast-private.h agent/fast-show.c
EXTRA_DIST += agent/fast-ask.c agent/fast-path.c agent/fast-ports.c agent/fast-ports.h
EXTRA_DIST += agent/fast-suspect.c agent/tc-watch.c agent/tc-watch.h
EXTRA_DIST += agent/tc-repair.c agent/tc-repair.h
endif
agent_libtpr_la_SOURCES += agent/file-text.c agent/file-text.h
agent_libtpr_la_SOURCES += agent/flow-acts.c agent/flow-acts.h
agent_libtpr_la_SOURCES += agent/flow-answer.c
agent_libtpr_la_SOURCES += agent/flow-balance.c
agent_libtpr_la_SOURCES += agent/flow-bundles.c agent/flow-bundles.h
agent_libtpr_la_SOURCES += agent/flow-check.c agent/flow-check.h
agent_libtpr_la_SOURCES += agent/flow-groups.c agent/flow-groups.h
agent_libtpr_la_SOURCES += agent/flow-make.c agent/flow-make.h
agent_libtpr_la_SOURCES += agent/flow-maker.h
agent_libtpr_la_SOURCES += agent/flow-redirect.c
agent_libtpr_la_SOURCES += agent/flow-table.c agent/flow-table.h
agent_libtpr_la_SOURCES += agent/flow-watch.c agent/flow-watch.h
agent_libtpr_la_SOURCES += agent/foreign.c agent/foreign.h
agent_libtpr_la_SOURCES += agent/frame.c agent/frame.h
agent_libtpr_la_SOURCES += agent/gather.c agent/gather.h
agent_libtpr_la_SOURCES += agent/hb-due.c agent/hb-due.h
agent_libtpr_la_SOURCES += agent/hb-io.h
agent_libtpr_la_SOURCES += agent/hb-io-packet.c
agent_libtpr_la_SOURCES += agent/hb-io-udp.c
agent_libtpr_la_SOURCES += agent/hb-keeper.c agent/hb-keeper.h
agent_libtpr_la_SOURCES += agent/hb-kernel.c agent/hb-kernel.h
agent_libtpr_la_SOURCES += agent/hb-loop.c agent/hb-loop.h
agent_libtpr_la_SOURCES += agent/hb-session.c agent/hb-session.h
agent_libtpr_la_SOURCES += agent/hb-thread.c agent/hb-thread.h
agent_libtpr_la_SOURCES += agent/hearing.c agent/hearing.h
agent_libtpr_la_SOURCES += agent/heartbeat.c agent/heartbeat.h
agent_libtpr_la_SOURCES += agent/http.c agent/http.h
agent_libtpr_la_SOURCES += agent/icmp-echo.c agent/icmp-echo.h
agent_libtpr_la_SOURCES += agent/journal.c agent/journal.h
agent_libtpr_la_SOURCES += agent/learn.c agent/learn.h
agent_libtpr_la_SOURCES += agent/json-get.h
agent_libtpr_la_SOURCES += agent/liveness.c agent/liveness.h
agent_libtpr_la_SOURCES += agent/load.c agent/load.h
agent_libtpr_la_SOURCES += agent/metrics.c agent/metrics.h
agent_libtpr_la_SOURCES += agent/metrics-http.c agent/metrics-http.h
agent_libtpr_la_SOURCES += agent/model.c agent/model.h
agent_libtpr_la_SOURCES += agent/model-text.c
agent_libtpr_la_SOURCES += agent/neigh.c agent/neigh.h
agent_libtpr_la_SOURCES += agent/notify.c agent/notify.h
agent_libtpr_la_SOURCES += agent/of-ask.c
agent_libtpr_la_SOURCES += agent/of-owners.c
agent_libtpr_la_SOURCES += agent/ofconn.c agent/ofconn.h
agent_libtpr_la_SOURCES += agent/overlap.c agent/overlap.h
agent_libtpr_la_SOURCES += agent/panic.c agent/panic.h
agent_libtpr_la_SOURCES += agent/plan.c agent/plan.h
agent_libtpr_la_SOURCES += agent/policy.c agent/policy.h
agent_libtpr_la_SOURCES += agent/policy-private.h
agent_libtpr_la_SOURCES += agent/policy-run.c
agent_libtpr_la_SOURCES += agent/redirect-codec.c agent/redirect-codec.h
agent_libtpr_la_SOURCES += agent/redirect-plan.c agent/redirect-plan.h
agent_libtpr_la_SOURCES += agent/redirects.c agent/redirects.h
agent_libtpr_la_SOURCES += agent/say-limit.c agent/say-limit.h
agent_libtpr_la_SOURCES += agent/show.c agent/show.h
agent_libtpr_la_SOURCES += agent/show-json.c
agent_libtpr_la_SOURCES += agent/show-private.h
agent_libtpr_la_SOURCES += agent/show-text.c
agent_libtpr_la_SOURCES += agent/simulate.c agent/simulate.h
agent_libtpr_la_SOURCES += agent/spsc.c agent/spsc.h
agent_libtpr_la_SOURCES += agent/status.c agent/status.h
agent_libtpr_la_SOURCES += agent/summary.c agent/summary.h
agent_libtpr_la_SOURCES += agent/suspects.c agent/suspects.h
agent_libtpr_la_SOURCES += agent/suspicion.c agent/suspicion.h
agent_libtpr_la_SOURCES += agent/switch-ctl.c agent/switch-ctl.h
agent_libtpr_la_SOURCES += agent/top.c agent/top.h
agent_libtpr_la_SOURCES += agent/tpr-db.c agent/tpr-db.h
agent_libtpr_la_SOURCES += agent/tpr-time.h
agent_libtpr_la_SOURCES += agent/trace-flow.c agent/trace-flow.h
agent_libtpr_la_SOURCES += agent/vswitch.c agent/vswitch.h
agent_libtpr_la_SOURCES += agent/words.c agent/words.h

nodist_agent_libtpr_la_SOURCES = \
	agent/tpr-idl.c \
	agent/tpr-idl.h

# Programs.  Each needs two lines beside its name:
#
#   sbin_PROGRAMS += agent/ovs-tprd
#   agent_ovs_tprd_SOURCES = agent/ovs-tprd.c
#   agent_ovs_tprd_LDADD = $(TPR_LDADD)
#
sbin_PROGRAMS += agent/tpr-regiond
agent_tpr_regiond_SOURCES = \
	agent/regiond-agent.c \
	agent/regiond-measure.c \
	agent/regiond-options.c \
	agent/regiond-show.c \
	agent/regiond.h \
	agent/tpr-regiond.c
agent_tpr_regiond_LDADD = $(TPR_LDADD)
dist_man_MANS += agent/tpr-regiond.8

# Written manual pages: dist_man_MANS += agent/ovs-tprd.8

sbin_PROGRAMS += agent/ovs-tprd
agent_ovs_tprd_SOURCES = agent/ovs-tprd.c
agent_ovs_tprd_LDADD = $(TPR_LDADD)
dist_man_MANS += agent/ovs-tprd.8
bin_PROGRAMS += agent/ovs-tprctl
agent_ovs_tprctl_SOURCES = \
	agent/ovs-tprctl.c \
	agent/tprctl-args.c \
	agent/tprctl-config.c \
	agent/tprctl-export.c \
	agent/tprctl-intent.c \
	agent/tprctl-keys.c \
	agent/tprctl-show.c \
	agent/tprctl-top.c \
	agent/tprctl.h
agent_ovs_tprctl_LDADD = $(TPR_LDADD)
dist_man_MANS += agent/ovs-tprctl.8
EXTRA_DIST += agent/ovs-tprctl-bashcomp.bash
completion_DATA += agent/ovs-tprctl.bash
CLEANFILES += agent/ovs-tprctl.bash

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

# Start and stop script.
EXTRA_DIST += agent/ovs-tpr-ctl.in
scripts_SCRIPTS += agent/ovs-tpr-ctl
CLEANFILES += agent/ovs-tpr-ctl

# Completion, which bash looks up by the name of the command:
#
#   EXTRA_DIST += agent/ovs-tprctl-bashcomp.bash
#   completion_DATA += agent/ovs-tprctl.bash
#   CLEANFILES += agent/ovs-tprctl.bash
agent/ovs-tprctl.bash: agent/ovs-tprctl-bashcomp.bash
	$(AM_V_GEN)$(MKDIR_P) $(@D) && cp $< $@
