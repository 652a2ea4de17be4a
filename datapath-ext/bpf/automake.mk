# The fast path in the kernel: XDP and tc programs, and who loads them.

bpf_headers = \
	datapath-ext/bpf/bench.h \
	datapath-ext/bpf/conns.h \
	datapath-ext/bpf/control.h \
	datapath-ext/bpf/layout.h \
	datapath-ext/bpf/maps.h \
	datapath-ext/bpf/place.h \
	datapath-ext/bpf/rewrite.h \
	datapath-ext/bpf/send.h \
	datapath-ext/bpf/tc.h \
	datapath-ext/bpf/usual.h \
	datapath-ext/bpf/way.h \
	datapath-ext/bpf/xdp.h
bpf_loader = \
	datapath-ext/bpf/attach-decide.c \
	datapath-ext/bpf/attach-decide.h \
	datapath-ext/bpf/attach-facts.c \
	datapath-ext/bpf/attach-facts.h \
	datapath-ext/bpf/attach-netns.c \
	datapath-ext/bpf/attach-netns.h \
	datapath-ext/bpf/attach-watch.c \
	datapath-ext/bpf/attach-watch.h \
	datapath-ext/bpf/attach.c \
	datapath-ext/bpf/attach.h \
	datapath-ext/bpf/bpffs.c \
	datapath-ext/bpf/bpffs.h \
	datapath-ext/bpf/loader-adopt.c \
	datapath-ext/bpf/loader-conns.c \
	datapath-ext/bpf/loader-part.c \
	datapath-ext/bpf/loader-pins.c \
	datapath-ext/bpf/loader-private.h \
	datapath-ext/bpf/loader-records.c \
	datapath-ext/bpf/loader-set.c \
	datapath-ext/bpf/loader-space.c \
	datapath-ext/bpf/loader-suspect.c \
	datapath-ext/bpf/loader-show.c \
	datapath-ext/bpf/loader.c \
	datapath-ext/bpf/loader.h \
	datapath-ext/bpf/watch.h
EXTRA_DIST += $(bpf_headers) $(bpf_loader) datapath-ext/bpf/tpr.bpf.c \
	datapath-ext/bpf/watch.bpf.c

# What takes no program: which other builds have, too.
noinst_LTLIBRARIES += datapath-ext/libtprlink.la
datapath_ext_libtprlink_la_SOURCES = \
	datapath-ext/bpf/attach-decide.h \
	datapath-ext/bpf/attach-dispatcher.h \
	datapath-ext/bpf/attach-link.c \
	datapath-ext/bpf/attach-link.h \
	datapath-ext/bpf/attach-next.c \
	datapath-ext/bpf/attach-next.h \
	datapath-ext/bpf/libbpf-log.c \
	datapath-ext/bpf/libbpf-log.h \
	datapath-ext/bpf/tc-filter.c \
	datapath-ext/bpf/tc-filter.h
EXTRA_DIST += datapath-ext/bpf/attach-dispatcher.c \
	datapath-ext/bpf/attach-dispatcher-stub.c
if HAVE_LIBXDP
datapath_ext_libtprlink_la_SOURCES += datapath-ext/bpf/attach-dispatcher.c
datapath_ext_libtprlink_la_LIBADD = $(LIBXDP_LIBS)
else
datapath_ext_libtprlink_la_SOURCES += \
	datapath-ext/bpf/attach-dispatcher-stub.c
endif

if HAVE_BPF
noinst_LTLIBRARIES += datapath-ext/libtprbpf.la
datapath_ext_libtprbpf_la_SOURCES = $(bpf_loader)
datapath_ext_libtprbpf_la_LIBADD = datapath-ext/libtprlink.la
nodist_datapath_ext_libtprbpf_la_SOURCES = datapath-ext/bpf/tpr.skel.h \
	datapath-ext/bpf/watch.skel.h
BUILT_SOURCES += datapath-ext/bpf/tpr.skel.h datapath-ext/bpf/watch.skel.h
CLEANFILES += datapath-ext/bpf/tpr.skel.h datapath-ext/bpf/tpr.bpf.o \
	datapath-ext/bpf/watch.skel.h datapath-ext/bpf/watch.bpf.o

# -g is for BTF, without which there is no lock; the debug information itself
# does not get into the skeleton.
datapath-ext/bpf/tpr.bpf.o: datapath-ext/bpf/tpr.bpf.c $(bpf_headers) \
		datapath-ext/redirect-build.h datapath-ext/redirect-choose.h \
		datapath-ext/redirect-hash.h datapath-ext/redirect-parse.h \
		datapath-ext/redirect-rewrite.h datapath-ext/redirect-suspect.h \
		datapath-ext/redirect-track.h \
		datapath-ext/redirect.h datapath-ext/ring.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(BPF_CLANG) $(BPF_CFLAGS) -Wall -Wextra -Werror -O2 -g \
	    -iquote $(top_srcdir)/datapath-ext \
	    -c $(top_srcdir)/datapath-ext/bpf/tpr.bpf.c -o $@.tmp && \
	$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp

datapath-ext/bpf/tpr.skel.h: datapath-ext/bpf/tpr.bpf.o
	$(AM_V_GEN)$(BPFTOOL) gen skeleton datapath-ext/bpf/tpr.bpf.o \
	    name tpr_bpf_skel > $@.tmp && mv $@.tmp $@

datapath-ext/bpf/watch.bpf.o: datapath-ext/bpf/watch.bpf.c \
		datapath-ext/bpf/watch.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(BPF_CLANG) $(BPF_CFLAGS) -Wall -Wextra -Werror -O2 -g \
	    -c $(top_srcdir)/datapath-ext/bpf/watch.bpf.c -o $@.tmp && \
	$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp

datapath-ext/bpf/watch.skel.h: datapath-ext/bpf/watch.bpf.o
	$(AM_V_GEN)$(BPFTOOL) gen skeleton datapath-ext/bpf/watch.bpf.o \
	    name tpr_watch_skel > $@.tmp && mv $@.tmp $@
endif

# Heartbeats in the kernel: an object and a library of their own, which the
# agent has in every build.
beat_headers = \
	datapath-ext/bpf/beat.h \
	datapath-ext/bpf/beat-rules.h
beat_loader = \
	datapath-ext/bpf/beat-loader.c \
	datapath-ext/bpf/beat-owner.c \
	datapath-ext/bpf/beat-port.c \
	datapath-ext/bpf/beat-private.h \
	datapath-ext/bpf/beat-token.c \
	datapath-ext/bpf/bpffs.c \
	datapath-ext/bpf/bpffs.h
EXTRA_DIST += $(beat_headers) $(beat_loader) datapath-ext/bpf/beat.bpf.c \
	datapath-ext/bpf/beat-loader-stub.c

noinst_LTLIBRARIES += datapath-ext/libtprbeat.la
datapath_ext_libtprbeat_la_LIBADD = datapath-ext/libtprlink.la
if HAVE_BPF
datapath_ext_libtprbeat_la_SOURCES = datapath-ext/bpf/beat-loader.h \
	$(beat_loader)
nodist_datapath_ext_libtprbeat_la_SOURCES = datapath-ext/bpf/beat.skel.h
BUILT_SOURCES += datapath-ext/bpf/beat.skel.h
CLEANFILES += datapath-ext/bpf/beat.skel.h datapath-ext/bpf/beat.bpf.o

datapath-ext/bpf/beat.bpf.o: datapath-ext/bpf/beat.bpf.c $(beat_headers) \
		datapath-ext/redirect.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(BPF_CLANG) $(BPF_CFLAGS) -Wall -Wextra -Werror -O2 -g \
	    -iquote $(top_srcdir)/datapath-ext \
	    -c $(top_srcdir)/datapath-ext/bpf/beat.bpf.c -o $@.tmp && \
	$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp

datapath-ext/bpf/beat.skel.h: datapath-ext/bpf/beat.bpf.o
	$(AM_V_GEN)$(BPFTOOL) gen skeleton datapath-ext/bpf/beat.bpf.o \
	    name tpr_beat_skel > $@.tmp && mv $@.tmp $@
else
datapath_ext_libtprbeat_la_SOURCES = datapath-ext/bpf/beat-loader.h \
	datapath-ext/bpf/beat-loader-stub.c
endif
