# Tests.
#
# Unit tests: one program a core, tests/unit/test-NAME.c, with Check; see
# tests/unit/unit.h.  A new one needs one line here.

UNIT_TESTS =
UNIT_TESTS += tests/unit/test-bfd-packet
UNIT_TESTS += tests/unit/test-bfd-random
UNIT_TESTS += tests/unit/test-bfd-rules
UNIT_TESTS += tests/unit/test-bfd-session
UNIT_TESTS += tests/unit/test-build
UNIT_TESTS += tests/unit/test-heartbeat
UNIT_TESTS += tests/unit/test-http
UNIT_TESTS += tests/unit/test-liveness

check_PROGRAMS += $(UNIT_TESTS)
noinst_HEADERS += tests/unit/unit.h

# Two BFD sessions in virtual time.
tests_unit_test_bfd_random_SOURCES = tests/unit/test-bfd-random.c \
	tests/unit/bfd-sim.c tests/unit/bfd-sim.h
tests_unit_test_bfd_session_SOURCES = tests/unit/test-bfd-session.c \
	tests/unit/bfd-sim.c tests/unit/bfd-sim.h

# Fuzz targets: tests/fuzz/fuzz-NAME.c defines LLVMFuzzerTestOneInput(), its
# corpus is tests/fuzz/corpus/NAME/.  "make check" replays every corpus; with
# --enable-fuzz "make fuzz FUZZ_SECONDS=10" searches on.  A new one needs one
# line here and its corpus in FUZZ_CORPUS.

FUZZ_TARGETS =
FUZZ_CORPUS =

FUZZ_TARGETS += tests/fuzz/fuzz-http
FUZZ_CORPUS += tests/fuzz/corpus/http
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz-http.c tests/fuzz/replay.c

check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/run tests/fuzz/replay.c $(FUZZ_CORPUS)

# How the harness of Automake runs them: unit tests speak TAP, one line a
# test; so does the replay of a corpus, one line an input.
TESTS = $(UNIT_TESTS) $(FUZZ_TARGETS)
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	FUZZ_CORPUS_DIR='$(abs_top_srcdir)/tests/fuzz/corpus'; \
	export FUZZ_CORPUS_DIR;
