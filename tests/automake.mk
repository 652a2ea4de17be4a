# Tests.
#
# Unit tests: one program a core, tests/unit/test-NAME.c, with Check; see
# tests/unit/unit.h.  A new one needs one line here.

UNIT_TESTS =
UNIT_TESTS += tests/unit/test-agent-words
UNIT_TESTS += tests/unit/test-arp-nd
UNIT_TESTS += tests/unit/test-beat-rules
UNIT_TESTS += tests/unit/test-bfd-packet
UNIT_TESTS += tests/unit/test-bfd-random
UNIT_TESTS += tests/unit/test-bfd-rules
UNIT_TESTS += tests/unit/test-bfd-session
UNIT_TESTS += tests/unit/test-build
UNIT_TESTS += tests/unit/test-check
UNIT_TESTS += tests/unit/test-check-answer
UNIT_TESTS += tests/unit/test-check-keep
UNIT_TESTS += tests/unit/test-check-kinds
UNIT_TESTS += tests/unit/test-check-logic
UNIT_TESTS += tests/unit/test-check-scale
UNIT_TESTS += tests/unit/test-check-turn
UNIT_TESTS += tests/unit/test-complaints
UNIT_TESTS += tests/unit/test-config
UNIT_TESTS += tests/unit/test-eligible
UNIT_TESTS += tests/unit/test-db-socket
UNIT_TESTS += tests/unit/test-fast-pins
UNIT_TESTS += tests/unit/test-flow-groups
UNIT_TESTS += tests/unit/test-flow-table
UNIT_TESTS += tests/unit/test-foreign
UNIT_TESTS += tests/unit/test-frame
UNIT_TESTS += tests/unit/test-hb-due
UNIT_TESTS += tests/unit/test-hb-session
UNIT_TESTS += tests/unit/test-hb-thread
UNIT_TESTS += tests/unit/test-heartbeat
UNIT_TESTS += tests/unit/test-http
UNIT_TESTS += tests/unit/test-icmp-echo
UNIT_TESTS += tests/unit/test-journal
UNIT_TESTS += tests/unit/test-learn
UNIT_TESTS += tests/unit/test-liveness
UNIT_TESTS += tests/unit/test-load
UNIT_TESTS += tests/unit/test-metrics
UNIT_TESTS += tests/unit/test-metrics-http
UNIT_TESTS += tests/unit/test-model
UNIT_TESTS += tests/unit/test-notify
UNIT_TESTS += tests/unit/test-perf-args
UNIT_TESTS += tests/unit/test-perf-http
UNIT_TESTS += tests/unit/test-perf-stats
UNIT_TESTS += tests/unit/test-policy
UNIT_TESTS += tests/unit/test-policy-random
UNIT_TESTS += tests/unit/test-redirect-build
UNIT_TESTS += tests/unit/test-redirect-affinity
UNIT_TESTS += tests/unit/test-redirect-check
UNIT_TESTS += tests/unit/test-redirect-choose
UNIT_TESTS += tests/unit/test-redirect-death
UNIT_TESTS += tests/unit/test-redirect-dp
UNIT_TESTS += tests/unit/test-redirect-explain
UNIT_TESTS += tests/unit/test-redirect-hash
UNIT_TESTS += tests/unit/test-redirect-least
UNIT_TESTS += tests/unit/test-redirect-parse
UNIT_TESTS += tests/unit/test-redirect-place
UNIT_TESTS += tests/unit/test-redirect-rewrite
UNIT_TESTS += tests/unit/test-redirect-suspect
UNIT_TESTS += tests/unit/test-redirect-table
UNIT_TESTS += tests/unit/test-redirect-threads
UNIT_TESTS += tests/unit/test-redirect-track
UNIT_TESTS += tests/unit/test-regiond-agent
UNIT_TESTS += tests/unit/test-ring
UNIT_TESTS += tests/unit/test-redirect-ofp
UNIT_TESTS += tests/unit/test-redirect-plan
UNIT_TESTS += tests/unit/test-say-limit
UNIT_TESTS += tests/unit/test-simulate
UNIT_TESTS += tests/unit/test-spsc
UNIT_TESTS += tests/unit/test-suspicion
UNIT_TESTS += tests/unit/test-top
UNIT_TESTS += tests/unit/test-trace-flow
UNIT_TESTS += tests/unit/test-words

if HAVE_BPF
UNIT_TESTS += tests/unit/test-attach-decide
endif
check_PROGRAMS += $(UNIT_TESTS)
noinst_HEADERS += tests/unit/unit.h

# Two BFD sessions in virtual time.
tests_unit_test_bfd_random_SOURCES = tests/unit/test-bfd-random.c \
	tests/unit/bfd-sim.c tests/unit/bfd-sim.h
tests_unit_test_bfd_session_SOURCES = tests/unit/test-bfd-session.c \
	tests/unit/bfd-sim.c tests/unit/bfd-sim.h

# Metrics, and the dashboard that shows them.
tests_unit_test_metrics_CPPFLAGS = $(AM_CPPFLAGS) \
	-DTPR_SRCDIR='"$(abs_top_srcdir)"'

# The policy in a small language.
tests_unit_test_policy_SOURCES = tests/unit/test-policy.c \
	tests/unit/policy-world.c tests/unit/policy-world.h
tests_unit_test_simulate_SOURCES = tests/unit/test-simulate.c \
	tests/unit/policy-world.c tests/unit/policy-world.h
tests_unit_test_words_SOURCES = tests/unit/test-words.c \
	tests/unit/policy-world.c tests/unit/policy-world.h
tests_unit_test_policy_random_SOURCES = tests/unit/test-policy-random.c \
	tests/unit/policy-world.c tests/unit/policy-world.h

# Of tpr-regiond itself.
tests_unit_test_regiond_agent_SOURCES = tests/unit/test-regiond-agent.c \
	agent/regiond-agent.c agent/regiond-measure.c agent/regiond-options.c \
	agent/regiond.h

# The packet's way through a redirect, without the agent; some of its tests
# make packets.
redirect_ldadd = datapath-ext/libredirect.la $(OVS_LDADD) $(CHECK_LIBS)
packet_maker = tests/unit/packet-maker.c tests/unit/packet-maker.h
tests_unit_test_redirect_build_SOURCES = \
	tests/unit/test-redirect-build.c $(packet_maker)
tests_unit_test_redirect_build_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_affinity_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_check_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_choose_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_hash_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_parse_SOURCES = \
	tests/unit/test-redirect-parse.c $(packet_maker)
tests_unit_test_redirect_parse_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_rewrite_SOURCES = \
	tests/unit/test-redirect-rewrite.c $(packet_maker)
tests_unit_test_redirect_rewrite_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_table_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_track_LDADD = $(redirect_ldadd)
tests_unit_test_ring_LDADD = $(redirect_ldadd)

# A whole datapath with redirects.
redirect_world = tests/unit/redirect-world.c tests/unit/redirect-world.h \
	$(packet_maker)
tests_unit_test_redirect_death_SOURCES = \
	tests/unit/test-redirect-death.c $(redirect_world)
tests_unit_test_redirect_death_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_dp_SOURCES = \
	tests/unit/test-redirect-dp.c $(redirect_world)
tests_unit_test_redirect_dp_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_explain_SOURCES = \
	tests/unit/test-redirect-explain.c $(redirect_world)
tests_unit_test_redirect_explain_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_least_SOURCES = \
	tests/unit/test-redirect-least.c $(redirect_world)
tests_unit_test_redirect_least_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_place_SOURCES = \
	tests/unit/test-redirect-place.c $(redirect_world)
tests_unit_test_redirect_place_LDADD = $(redirect_ldadd)
tests_unit_test_redirect_threads_SOURCES = \
	tests/unit/test-redirect-threads.c $(redirect_world)
tests_unit_test_redirect_threads_LDADD = $(redirect_ldadd)

# Attaching BPF programs.
tests_unit_test_attach_decide_LDADD = datapath-ext/libtprbpf.la \
	$(OVS_LDADD) $(LIBBPF_LIBS) $(CHECK_LIBS)

# The tool tpr-perf.
perf_cppflags = $(AM_CPPFLAGS) -iquote $(top_srcdir)/tools
tests_unit_test_perf_args_CPPFLAGS = $(perf_cppflags)
tests_unit_test_perf_args_LDADD = tools/libperf.la $(LDADD)
tests_unit_test_perf_http_CPPFLAGS = $(perf_cppflags)
tests_unit_test_perf_http_LDADD = tools/libperf.la $(LDADD)
tests_unit_test_perf_stats_CPPFLAGS = $(perf_cppflags)
tests_unit_test_perf_stats_LDADD = tools/libperf.la $(LDADD)

# Fuzz targets: tests/fuzz/fuzz-NAME.c defines LLVMFuzzerTestOneInput(), its
# corpus is the folder tests/fuzz/corpus/NAME.  "make check" replays every
# corpus; with --enable-fuzz "make fuzz FUZZ_SECONDS=10" searches on.  A new
# one needs three lines here:
#
#   FUZZ_TARGETS += tests/fuzz/fuzz-NAME
#   FUZZ_CORPUS += tests/fuzz/corpus/NAME
#   tests_fuzz_fuzz_NAME_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS =
FUZZ_CORPUS =

FUZZ_TARGETS += tests/fuzz/fuzz-bfd
FUZZ_CORPUS += tests/fuzz/corpus/bfd
tests_fuzz_fuzz_bfd_LDADD = $(FUZZ_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz-arp-nd
FUZZ_CORPUS += tests/fuzz/corpus/arp-nd
tests_fuzz_fuzz_arp_nd_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-config
FUZZ_CORPUS += tests/fuzz/corpus/config
tests_fuzz_fuzz_config_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-model
FUZZ_CORPUS += tests/fuzz/corpus/model
tests_fuzz_fuzz_model_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-frame
FUZZ_CORPUS += tests/fuzz/corpus/frame
tests_fuzz_fuzz_frame_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-redirect
FUZZ_CORPUS += tests/fuzz/corpus/redirect
tests_fuzz_fuzz_redirect_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-http
FUZZ_CORPUS += tests/fuzz/corpus/http
tests_fuzz_fuzz_http_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-agent-words
FUZZ_CORPUS += tests/fuzz/corpus/agent-words
tests_fuzz_fuzz_agent_words_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-perf-http
FUZZ_CORPUS += tests/fuzz/corpus/perf-http
tests_fuzz_fuzz_perf_http_CPPFLAGS = $(perf_cppflags)
tests_fuzz_fuzz_perf_http_LDADD = tools/libperf.la $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-redirect-action
FUZZ_CORPUS += tests/fuzz/corpus/redirect-action
tests_fuzz_fuzz_redirect_action_LDADD = $(FUZZ_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz-redirect-msg
FUZZ_CORPUS += tests/fuzz/corpus/redirect-msg
tests_fuzz_fuzz_redirect_msg_LDADD = $(FUZZ_LDADD)
FUZZ_TARGETS += tests/fuzz/fuzz-redirect-text
FUZZ_CORPUS += tests/fuzz/corpus/redirect-text
tests_fuzz_fuzz_redirect_text_LDADD = $(FUZZ_LDADD)

FUZZ_TARGETS += tests/fuzz/fuzz-trace-flow
FUZZ_CORPUS += tests/fuzz/corpus/trace-flow
tests_fuzz_fuzz_trace_flow_LDADD = $(FUZZ_LDADD)

FUZZ_SECONDS = 10
check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/run tests/fuzz/replay.c $(FUZZ_CORPUS)

# main() of the targets: libFuzzer's, or the one that replays.
check_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
if ENABLE_FUZZ
FUZZ_LDADD = $(FUZZ_LDFLAGS) $(TPR_LDADD)
FUZZ_TESTS =
else
FUZZ_LDADD = tests/fuzz/libreplay.a $(TPR_LDADD)
FUZZ_TESTS = $(FUZZ_TARGETS)
endif

.PHONY: fuzz print-fuzz-targets
print-fuzz-targets:
	@echo $(FUZZ_TARGETS)
fuzz: all $(FUZZ_TARGETS)
	FUZZ_CORPUS_DIR='$(abs_top_srcdir)/tests/fuzz/corpus' \
	  $(top_srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)
clean-local:
	rm -rf fuzz-found

# Tests of the database and its tool: scripts that speak TAP and use a database
# server of their own.
DB_TESTS = tests/db/completion tests/db/tprctl
EXTRA_DIST += tests/db/lib.sh $(DB_TESTS)

# Tests against a real ovs-vswitchd with dummy ports: scripts that speak TAP,
# without root.
SWITCH_TESTS = tests/flows.sh tests/groups.sh tests/redirects.sh
check_PROGRAMS += tests/flows-probe
tests_flows_probe_SOURCES = tests/flows-probe.c
tests_flows_probe_LDADD = $(TPR_LDADD)
EXTRA_DIST += tests/switch-lib.sh $(SWITCH_TESTS)

# The conformance suite of redirects: see tests/conformance/case.h.
CONFORMANCE_TESTS = tests/conformance/run tests/conformance/shrink
check_PROGRAMS += tests/conformance/conformance
tests_conformance_conformance_SOURCES = \
	tests/conformance/case.c \
	tests/conformance/case.h \
	tests/conformance/conformance.c \
	tests/conformance/host-dp.c \
	tests/conformance/host-flows.c \
	tests/conformance/host-ovs.c \
	tests/conformance/host-wrong.c \
	tests/conformance/host.h \
	tests/conformance/model-choose.c \
	tests/conformance/model-host.c \
	tests/conformance/model-private.h \
	tests/conformance/model-track.c \
	tests/conformance/model.c \
	tests/conformance/packet-text.c \
	tests/conformance/packet.c \
	tests/conformance/packet.h \
	tests/conformance/random-play.c \
	tests/conformance/random-text.c \
	tests/conformance/random.c \
	tests/conformance/random.h \
	tests/conformance/redirect-text.c \
	tests/conformance/switch.c \
	tests/conformance/switch.h
tests_conformance_conformance_LDADD = \
	datapath-ext/libredirect.la $(OVS_LDADD)
EXTRA_DIST += $(CONFORMANCE_TESTS) tests/conformance/cases \
	tests/conformance/run-ovs

# The same for the BPF programs; needs root.
EXTRA_DIST += \
	tests/conformance/clients-bpf.c \
	tests/conformance/clients-bpf.h \
	tests/conformance/conformance-bpf.c \
	tests/conformance/host-bpf.c \
	tests/conformance/host-bpf.h \
	tests/conformance/objects-bpf.c \
	tests/conformance/objects-bpf.h \
	tests/conformance/run-bpf \
	tests/conformance/suspect-bpf.c \
	tests/conformance/suspect-bpf.h \
	tests/conformance/threads-bpf.c \
	tests/conformance/threads-bpf.h
if HAVE_BPF
check_PROGRAMS += tests/conformance/conformance-bpf
tests_conformance_conformance_bpf_SOURCES = \
	tests/conformance/case.c \
	tests/conformance/clients-bpf.c \
	tests/conformance/conformance-bpf.c \
	tests/conformance/host-bpf.c \
	tests/conformance/model-choose.c \
	tests/conformance/model-host.c \
	tests/conformance/model-track.c \
	tests/conformance/model.c \
	tests/conformance/objects-bpf.c \
	tests/conformance/packet-text.c \
	tests/conformance/packet.c \
	tests/conformance/random-play.c \
	tests/conformance/random-text.c \
	tests/conformance/random.c \
	tests/conformance/redirect-text.c \
	tests/conformance/suspect-bpf.c \
	tests/conformance/threads-bpf.c
tests_conformance_conformance_bpf_LDADD = datapath-ext/libtprbpf.la \
	datapath-ext/libredirect.la $(OVS_LDADD) $(LIBBPF_LIBS)
endif

# Tests that a compiler for BPF likes our headers, and that Linux 6.1 allows as
# much stack as its code takes.
HEADER_TESTS = tests/bpf-headers.sh tests/bpf-stack.py
EXTRA_DIST += $(HEADER_TESTS)

# How the harness of Automake runs them: unit tests speak TAP, one line a
# test; so does the replay of a corpus, one line an input.
TESTS = $(UNIT_TESTS) $(FUZZ_TESTS) $(DB_TESTS) $(SWITCH_TESTS) $(HEADER_TESTS) \
	$(CONFORMANCE_TESTS)
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	CK_DEFAULT_TIMEOUT=60; export CK_DEFAULT_TIMEOUT; \
	TPR_ENV='$(abs_top_builddir)/tests/env.sh'; export TPR_ENV; \
	FUZZ_CORPUS_DIR='$(abs_top_srcdir)/tests/fuzz/corpus'; \
	export FUZZ_CORPUS_DIR;

# BPF programs on devices by hand, for system tests.
EXTRA_DIST += tests/bpf-probe.c tests/unit/test-attach-decide.c
if HAVE_BPF
noinst_PROGRAMS += tests/bpf-probe
tests_bpf_probe_SOURCES = tests/bpf-probe.c
tests_bpf_probe_LDADD = datapath-ext/libtprbpf.la $(TPR_LDADD)
endif

# One heartbeat session by hand, for system tests.
noinst_PROGRAMS += tests/hb-probe
tests_hb_probe_SOURCES = tests/hb-probe.c
tests_hb_probe_LDADD = $(TPR_LDADD)

# Heartbeats in the kernel, for a system test.
EXTRA_DIST += tests/unit/beat-kernel.c
if HAVE_BPF
check_PROGRAMS += tests/beat-kernel
tests_beat_kernel_SOURCES = tests/unit/beat-kernel.c
endif

# What comes before the switch's own XDP program, and how other ends of veths
# are looked at, for system tests.
EXTRA_DIST += tests/unit/next-kernel.c tests/unit/facts-kernel.c
if HAVE_BPF
check_PROGRAMS += tests/next-kernel tests/facts-kernel
tests_next_kernel_SOURCES = tests/unit/next-kernel.c
tests_facts_kernel_SOURCES = tests/unit/facts-kernel.c
endif

# System tests need root and namespaces.  tests/system/run reads tests/env.sh
# in the folder $TPR_BUILDDIR and ends with "N passed, N failed, N skipped".
.PHONY: check-system
check-system: all
	TPR_BUILDDIR='$(abs_top_builddir)' $(top_srcdir)/tests/system/run $(ARGS)

EXTRA_DIST += tests/system
