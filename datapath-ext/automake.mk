# What a packet meets.  The files directly in this folder and those in its
# folder ovs also appear in Open vSwitch's tree, folder tpr, by themselves
# (build-aux/ovs-tree.sh); a patch in ovs-patches names the ones to compile.
# libredirect is the same, compiled for our own tests.

noinst_LTLIBRARIES += datapath-ext/libredirect.la
datapath_ext_libredirect_la_SOURCES = \
	datapath-ext/ovs/page-guard.c \
	datapath-ext/ovs/page-guard.h \
	datapath-ext/ovs/page.c \
	datapath-ext/ovs/page.h \
	datapath-ext/ovs/redirect-affinity.c \
	datapath-ext/ovs/redirect-affinity.h \
	datapath-ext/ovs/redirect-ahead.h \
	datapath-ext/ovs/redirect-dp-private.h \
	datapath-ext/ovs/redirect-dp.h \
	datapath-ext/ovs/redirect-object.c \
	datapath-ext/ovs/redirect-place.c \
	datapath-ext/ovs/redirect-process.c \
	datapath-ext/ovs/redirect-sender.c \
	datapath-ext/ovs/redirect-sender.h \
	datapath-ext/ovs/redirect-show.c \
	datapath-ext/ovs/redirect-table.c \
	datapath-ext/ovs/redirect-table.h \
	datapath-ext/ovs/redirect-usual.h \
	datapath-ext/redirect-build.h \
	datapath-ext/redirect-check.c \
	datapath-ext/redirect-check.h \
	datapath-ext/redirect-choose.h \
	datapath-ext/redirect-hash.h \
	datapath-ext/redirect-parse.h \
	datapath-ext/redirect-rewrite.h \
	datapath-ext/redirect-suspect.h \
	datapath-ext/redirect-track.h \
	datapath-ext/redirect.h \
	datapath-ext/ring.c \
	datapath-ext/ring.h

# OpenFlow's side: only Open vSwitch's tree compiles it, since the numbers of
# messages and errors are there.
EXTRA_DIST += \
	datapath-ext/ovs/ofctl-redirect.c \
	datapath-ext/ovs/ofctl-redirect.h \
	datapath-ext/ovs/ofp-redirect-print.c \
	datapath-ext/ovs/ofp-redirect.c \
	datapath-ext/ovs/ofp-redirect.h \
	datapath-ext/ovs/redirect-ext.h \
	datapath-ext/ovs/redirect-ofproto.c \
	datapath-ext/ovs/redirect-ofproto.h \
	datapath-ext/ovs/redirect-text.c \
	datapath-ext/ovs/redirect-text.h
