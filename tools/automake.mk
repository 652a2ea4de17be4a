# Tools around the agent.

EXTRA_DIST += tools/check tools/check-upstream
EXTRA_DIST += tools/vm tools/vm.d/init tests/vm-check

# Measurements.
EXTRA_DIST += \
	tools/bench \
	tools/bench.d/agent.py \
	tools/bench.d/beats.py \
	tools/bench.d/clients.py \
	tools/bench.d/common.py \
	tools/bench.d/failover.py \
	tools/bench.d/flip.py \
	tools/bench.d/forward.py \
	tools/bench.d/memory.py \
	tools/bench.d/ovs_cost.py \
	tools/bench.d/scale.py \
	tools/bench.d/xdp.py

# tpr-perf, the client.  It needs nothing but libc.
noinst_LTLIBRARIES += tools/libperf.la
tools_libperf_la_SOURCES = \
	tools/perf-args.c \
	tools/perf-args.h \
	tools/perf-client.c \
	tools/perf-client.h \
	tools/perf-http.c \
	tools/perf-http.h \
	tools/perf-report.c \
	tools/perf-report.h \
	tools/perf-shares.c \
	tools/perf-shares.h \
	tools/perf-stats.c \
	tools/perf-stats.h \
	tools/perf-svg.c \
	tools/perf-svg.h
bin_PROGRAMS += tools/tpr-perf
tools_tpr_perf_SOURCES = tools/tpr-perf.c
tools_tpr_perf_LDADD = tools/libperf.la
dist_man_MANS += tools/tpr-perf.1
# The clients of "tools/bench clients".
noinst_PROGRAMS += tools/tpr-states
tools_tpr_states_SOURCES = tools/tpr-states.c
tools_tpr_states_LDADD = tools/libperf.la
# The laboratory, and what shows it off.
EXTRA_DIST += \
	tools/lab \
	tools/lab.d/common.sh \
	tools/lab.d/config.sh \
	tools/lab.d/hold.py \
	tools/lab.d/load.sh \
	tools/lab.d/net.sh \
	tools/lab.d/region.sh \
	tools/lab.d/report.py \
	tools/lab.d/run.sh \
	tools/lab.d/scenarios.py \
	tools/lab.d/scenarios.sh \
	tools/lab.d/switch.sh \
	tools/lab.d/table1.sh \
	tools/quickstart

# A pair of switches.
pairdir = $(datadir)/ovs-tpr/pair
dist_pair_SCRIPTS = tools/pair/tpr-pair-check tools/pair/tpr-pair-notify
dist_pair_DATA = \
	tools/pair/README.md \
	tools/pair/keepalived.conf \
	tools/pair/pair.conf

# A dashboard of metrics.
grafanadir = $(datadir)/ovs-tpr/grafana
dist_grafana_DATA = tools/grafana/ovs-tpr.json

# An ovs-vswitchd with one more type of port, for "tools/bench ovs-cost".
noinst_PROGRAMS += tools/bench.d/ovs-vswitchd
tools_bench_d_ovs_vswitchd_SOURCES = tools/bench.d/memory-port.c
tools_bench_d_ovs_vswitchd_LDADD = $(OVS_VSWITCHD_OBJECTS) $(OVS_LDADD)

# What "tools/bench beats" runs.
noinst_PROGRAMS += tools/beats-run
tools_beats_run_SOURCES = tools/bench.d/beats-run.c
tools_beats_run_LDADD = $(TPR_LDADD)

# What "tools/bench xdp" and "tools/bench forward" run.
EXTRA_DIST += tools/bench.d/forward-run.c tools/bench.d/xdp-run.c
if HAVE_BPF
noinst_PROGRAMS += tools/forward-run tools/xdp-run
tools_forward_run_SOURCES = tools/bench.d/forward-run.c
tools_forward_run_LDADD = datapath-ext/libtprbpf.la \
	datapath-ext/libredirect.la $(OVS_LDADD) $(LIBBPF_LIBS)
tools_xdp_run_SOURCES = tools/bench.d/xdp-run.c
tools_xdp_run_LDADD = datapath-ext/libtprbpf.la \
	datapath-ext/libredirect.la $(OVS_LDADD) $(LIBBPF_LIBS)
endif
