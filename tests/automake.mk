# Tests.
#
# Unit tests: one program a core, tests/unit/test-NAME.c, with Check; see
# tests/unit/unit.h.  A new one needs one line here.

UNIT_TESTS = \
	tests/unit/test-build \
	tests/unit/test-http

check_PROGRAMS += $(UNIT_TESTS)
noinst_HEADERS += tests/unit/unit.h

# Fuzz targets: tests/fuzz/fuzz-NAME.c defines LLVMFuzzerTestOneInput(), its
# corpus is tests/fuzz/corpus/NAME/.  "make check" replays every corpus; with
# --enable-fuzz "make fuzz FUZZ_SECONDS=10" searches on.  A new one needs one
# line here and its corpus in FUZZ_CORPUS.

FUZZ_TARGETS = tests/fuzz/fuzz-http
FUZZ_CORPUS = tests/fuzz/corpus/http

check_PROGRAMS += $(FUZZ_TARGETS)
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz-http.c tests/fuzz/replay.c
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
