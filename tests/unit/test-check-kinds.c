/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the kinds of health checks beside http on real sockets: tcp and udp
 * with send and expect, icmp, https, and agent-checks.  The server is a thread that blocks, on
 * 127.0.0.1.
 *
 * Everything waits for conditions; LIMIT_US is how long before a test gives
 * up. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "tpr-time.h"
#include "unit.h"

enum { LIMIT_US = 20 * 1000 * 1000 };

static struct server {
    int fd;
    int type;                   /* SOCK_STREAM or SOCK_DGRAM. */
    uint16_t port;
    pthread_t thread;
    bool runs;
    SSL_CTX *tls;               /* NULL: none. */
    int nodelay;                /* Of TCP. */
    const char *reply;          /* NULL: silence. */
    bool hold;                  /* Does not close behind the reply. */
    unsigned int n_tls;         /* Connections over TLS. */

    pthread_mutex_t mutex;
    char request[512];          /* The last one. */
    char sni[64];               /* Its server's name. */
    bool stop;
} server = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static struct check_set *set;
static struct tpr_config config;
static struct tpr_service service;
static struct tpr_region region = { .name = (char *) "r1" };
static struct tpr_backend backend, *backends[] = { &backend };
static struct tpr_check check;

/* The server. */

static bool
server_stops(void)
{
    bool stop;

    pthread_mutex_lock(&server.mutex);
    stop = server.stop;
    pthread_mutex_unlock(&server.mutex);
    return stop;
}

static void
note_request(const char *request, int n, const char *sni)
{
    pthread_mutex_lock(&server.mutex);
    memcpy(server.request, request, n);
    server.request[n] = '\0';
    ovs_strlcpy(server.sni, sni ? sni : "", sizeof server.sni);
    pthread_mutex_unlock(&server.mutex);
}

static void
serve_tls(int fd)
{
    SSL *ssl = SSL_new(server.tls);
    char request[sizeof server.request];
    int n;

    SSL_set_fd(ssl, fd);
    server.n_tls++;
    if (SSL_accept(ssl) == 1) {
        do {
            n = SSL_read(ssl, request, sizeof request - 1);
            if (n > 0) {
                note_request(
                    request, n,
                    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
                SSL_write(ssl, server.reply, strlen(server.reply));
            }
        } while (n > 0 && server.hold);
    }
    SSL_free(ssl);
}

/* Sends 'reply' byte by byte, if asked at all where 'send' is given. */
static void
serve_plain(int fd)
{
    char request[sizeof server.request];
    ssize_t n = 0;

    if (check.send.n || check.type == TPR_CHECK_HTTPS) {
        n = recv(fd, request, sizeof request - 1, 0);
        if (n <= 0) {
            return;
        }
    }
    note_request(request, n, NULL);
    for (const char *p = server.reply; p && *p; p++) {
        send(fd, p, 1, MSG_NOSIGNAL);
    }
    if (server.hold || !server.reply) {
        while (recv(fd, request, sizeof request, 0) > 0) {
            continue;           /* Until the check closes. */
        }
    }
}

static void
serve_datagram(void)
{
    char request[sizeof server.request];
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    ssize_t n = recvfrom(server.fd, request, sizeof request - 1, 0,
                         (struct sockaddr *) &ss, &len);

    if (n >= 0) {
        note_request(request, n, NULL);
        if (server.reply) {
            sendto(server.fd, server.reply, strlen(server.reply), 0,
                   (struct sockaddr *) &ss, len);
        }
    }
}

static void *
server_main(void *aux OVS_UNUSED)
{
    while (!server_stops()) {
        int fd;

        if (server.type == SOCK_DGRAM) {
            serve_datagram();
            continue;
        }
        fd = accept(server.fd, NULL, NULL);
        if (fd >= 0) {
            const struct timeval tv = { .tv_sec = 10 };

            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &server.nodelay,
                       sizeof server.nodelay);
            if (server.tls) {
                serve_tls(fd);
            } else {
                serve_plain(fd);
            }
            close(fd);
        }
    }
    return NULL;
}

/* At 'port', 0: anywhere. */
static void
server_start_at(int type, const char *reply, uint16_t port)
{
    const int on = 1;
    const struct timeval tv = { .tv_usec = 50 * 1000 };
    struct sockaddr_in sin = { .sin_family = AF_INET };
    socklen_t len = sizeof sin;

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(port);
    server.type = type;
    server.reply = reply;
    server.fd = socket(AF_INET, type, 0);
    ck_assert_int_ge(server.fd, 0);
    setsockopt(server.fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ck_assert(!bind(server.fd, (struct sockaddr *) &sin, sizeof sin));
    ck_assert(type == SOCK_DGRAM || !listen(server.fd, 16));
    getsockname(server.fd, (struct sockaddr *) &sin, &len);
    server.port = ntohs(sin.sin_port);
    ck_assert(!pthread_create(&server.thread, NULL, server_main, NULL));
    server.runs = true;
}

static void
server_start(int type, const char *reply)
{
    server_start_at(type, reply, 0);
}

static void
server_end(void)
{
    if (server.runs) {
        pthread_mutex_lock(&server.mutex);
        server.stop = true;
        pthread_mutex_unlock(&server.mutex);
        pthread_join(server.thread, NULL);
        close(server.fd);
        server.runs = server.stop = false;
    }
}

/* The world. */

static struct tpr_bytes
bytes(const char *s)
{
    return (struct tpr_bytes) {
        .data = (uint8_t *) CONST_CAST(char *, s), .n = s ? strlen(s) : 0,
    };
}

static void
setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    shash_init(&config.regions);
    shash_init(&config.services);
    service.backends = backends;
    service.n_backends = 1;
    shash_add(&config.services, "web", &service);
    memset(&backend, 0, sizeof backend);
    memset(&check, 0, sizeof check);
    set = check_set_create();
}

static void
teardown(void)
{
    check_set_destroy(set);
    server_end();
    shash_destroy(&config.regions);
    shash_destroy(&config.services);
    SSL_CTX_free(server.tls);
    server.tls = NULL;
    server.hold = false;
    server.nodelay = false;
}

/* A check of 'type' of the server; 'up' is what is known of it. */
static void
configure(enum tpr_check_type type, bool up, long long int timeout_us)
{
    check.type = type;
    check.timeout_us = timeout_us;
    check.interval_us = MIN(timeout_us, 30 * 1000);
    check.fall = check.rise = 1;
    check.expect_min = 200;
    check.expect_max = 399;
    backend.name = CONST_CAST(char *, "web/r1");
    backend.region = &region;
    backend.port = server.port;
    backend.check = &check;
    backend.last_up = up;
    if (!ipv6_addr_is_set(&backend.addr)) {
        in6_addr_set_mapped_ipv4(&backend.addr, htonl(INADDR_LOOPBACK));
    }
    check_set_configure(set, &config, tpr_now_us());
}

static struct check_stats
stats(void)
{
    struct check_stats st;

    ck_assert(check_set_stats(set, &backend, &st));
    return st;
}

/* Runs until 'n' checks have ended. */
static struct check_stats
verdicts(unsigned int n)
{
    long long int end_us = tpr_now_us() + LIMIT_US;

    for (;;) {
        struct check_stats st;

        check_set_run(set, tpr_now_us());
        st = stats();
        if (st.n_ok + st.n_failed + st.n_own_errors >= n) {
            return st;
        }
        ck_assert_int_lt(tpr_now_us(), end_us);
        check_set_wait(set);
        poll_block();
    }
}

static struct check_stats
first_verdict(void)
{
    return verdicts(1);
}

static void
expect_verdict(bool good, const char *clause)
{
    struct check_stats st = first_verdict();

    ck_assert_str_eq(st.last, clause);
    ck_assert_uint_eq(st.n_ok, good);
    ck_assert_uint_eq(st.n_failed, !good);
    ck_assert_int_eq(st.state, good ? CHECK_UP : CHECK_DOWN);
}

/* tcp and udp. */

static const struct {
    enum tpr_check_type type;
    const char *send, *expect;  /* NULL: not given. */
    const char *reply;          /* NULL: none. */
    bool hold, good;
    const char *clause;
} talks[] = {
    { TPR_CHECK_TCP, "PING\r\n", "+PONG", "+PONG\r\n", false, true,
      "expected answer" },
    { TPR_CHECK_TCP, "PING\r\n", "", "-", false, true, "expected answer" },
    { TPR_CHECK_TCP, NULL, "220 ", "220 smtp ready\r\n", false, true,
      "expected answer" },
    { TPR_CHECK_TCP, "PING\r\n", NULL, "", false, true, "connected" },
    { TPR_CHECK_TCP, "PING\r\n", "+PONG", "-LOADING\r\n", false, false,
      "connection closed before the expected answer: \"-LOADING\\r\\n\"" },
    { TPR_CHECK_TCP, "PING\r\n", "+PONG", "", false, false,
      "connection closed without an answer" },
    { TPR_CHECK_TCP, "PING\r\n", "+PONG", "-LOADING\r\n", true, false,
      "answer without what is expected: \"-LOADING\\r\\n\"" },
    { TPR_CHECK_TCP, "PING\r\n", "+PONG", NULL, true, false,
      "connected, but no answer in 30 ms" },
    { TPR_CHECK_UDP, "ask", "tell", "I tell", false, true,
      "expected answer" },
    { TPR_CHECK_UDP, "ask", "", "?", false, true, "expected answer" },
    { TPR_CHECK_UDP, "ask", "tell", "no", false, false,
      "answer without what is expected: \"no\"" },
    { TPR_CHECK_UDP, "ask", "tell", NULL, false, false,
      "no answer in 30 ms" },
    { TPR_CHECK_UDP, "ask", NULL, "no", false, true, "answered" },
    { TPR_CHECK_UDP, NULL, NULL, NULL, false, true, "no answer in 30 ms" },
};

/* The server was asked so, or will be. */
static void
expect_request(const char *expected)
{
    const long long int end_us = tpr_now_us() + LIMIT_US;
    bool ok;

    do {
        poll(NULL, 0, 1);
        pthread_mutex_lock(&server.mutex);
        ok = !strcmp(server.request, expected);
        pthread_mutex_unlock(&server.mutex);
    } while (!ok && tpr_now_us() < end_us);
    ck_assert_str_eq(server.request, expected);
}

START_TEST(talks_are_judged)
{
    setup();
    check.send = bytes(talks[_i].send);
    check.expect = bytes(talks[_i].expect);
    server.hold = talks[_i].hold;
    server_start(talks[_i].type == TPR_CHECK_UDP ? SOCK_DGRAM : SOCK_STREAM,
                 talks[_i].reply);
    configure(talks[_i].type, !talks[_i].good,
              (strstr(talks[_i].clause, "30 ms") ? 30
               : talks[_i].hold ? 300 : 5000) * 1000);
    expect_verdict(talks[_i].good, talks[_i].clause);
    if (talks[_i].send && talks[_i].good) {
        expect_request(talks[_i].send);         /* Before or after. */
    }
    server_end();
    teardown();
}
END_TEST

START_TEST(closed_udp_port_is_found_out)
{
    setup();
    server_start(SOCK_DGRAM, NULL);
    server_end();
    configure(TPR_CHECK_UDP, true, 1000 * 1000);
    expect_verdict(false, "port unreachable");
    teardown();
}
END_TEST

/* The answer was there, but we did not look in time. */
START_TEST(late_look_is_no_silence)
{
    setup();
    check.send = bytes("ask");
    check.expect = bytes("tell");
    server_start(SOCK_DGRAM, "tell");
    configure(TPR_CHECK_UDP, false, 20 * 1000);
    for (;;) {
        check_set_run(set, tpr_now_us());
        pthread_mutex_lock(&server.mutex);
        bool asked = server.request[0] != '\0';
        pthread_mutex_unlock(&server.mutex);
        if (asked) {
            break;
        }
        check_set_wait(set);
        poll_timer_wait(1);
        poll_block();
    }
    for (long long int end_us = tpr_now_us() + 50 * 1000;
         tpr_now_us() < end_us; ) {
        continue;
    }
    expect_verdict(true, "expected answer");
    teardown();
}
END_TEST

/* agent-check. */

static struct tpr_check agent_check;

/* Runs until the set has a change, which it returns. */
static struct check_change
next_change(struct check_set *agents)
{
    long long int end_us = tpr_now_us() + LIMIT_US;
    struct check_change change;

    for (;;) {
        check_set_run(agents, tpr_now_us());
        if (check_set_next_change(agents, &change)) {
            return change;
        }
        ck_assert_int_lt(tpr_now_us(), end_us);
        check_set_wait(agents);
        poll_block();
    }
}

static void
configure_agent(struct check_set *agents, long long int timeout_us)
{
    agent_check = (struct tpr_check) {
        .type = TPR_CHECK_AGENT, .interval_us = 20 * 1000,
        .timeout_us = timeout_us, .fall = 3, .rise = 2, .port = server.port,
        .send = check.send,
    };
    configure(TPR_CHECK_TCP, true, 1000 * 1000);
    backend.agent_check = &agent_check;
    check_set_configure(agents, &config, tpr_now_us());
}

static void
expect_words(const struct agent_words *words, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ck_assert_ptr_nonnull(words);
    agent_words_put(words, &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

START_TEST(agents_are_heard)
{
    struct check_set *agents = check_set_create_agents();
    struct check_change change;
    struct check_stats st;

    setup();
    check.send = bytes("web/r1\n");
    backend.last_agent.has_limit = true;
    backend.last_agent.limit = 9;
    server_start(SOCK_STREAM, "75% up\r\nmaint\n");
    configure_agent(agents, LIMIT_US);
    expect_words(check_set_agent(agents, &backend), "maxconn:9");

    change = next_change(agents);
    ck_assert(change.turned && change.up && !change.returned);
    ck_assert_ptr_eq(change.backend, &backend);
    expect_words(change.agent, "75% maxconn:9 up");
    ck_assert_str_eq(change.cause, "says \"75% up\"");
    server_end();
    ck_assert_str_eq(server.request, "web/r1\n");

    /* It falls silent: what it has said stays. */
    change = next_change(agents);
    ck_assert(change.turned && !change.up);
    ck_assert_ptr_null(change.agent);
    ck_assert_str_eq(change.cause, "connection refused");
    expect_words(check_set_agent(agents, &backend), "75% maxconn:9 up");

    /* It speaks again, with a word that means nothing.  Another way to ask it
     * is no other agent. */
    server_start_at(SOCK_STREAM, "sideways,drain\n", server.port);
    check.send = bytes("r1\n");
    configure_agent(agents, LIMIT_US);
    change = next_change(agents);
    expect_words(change.agent, "75% maxconn:9 drain up");
    ck_assert_str_eq(change.cause, "says \"drain\" and an unknown word "
                     "\"sideways\"");
    server_end();
    ck_assert(check_set_stats(agents, &backend, &st));
    ck_assert_uint_ge(st.n_ok, 1);

    /* The health check knows nothing of this, and the other way round. */
    ck_assert_ptr_null(check_set_agent(set, &backend));
    backend.agent_check = NULL;
    check_set_configure(agents, &config, tpr_now_us());
    ck_assert_ptr_null(check_set_agent(agents, &backend));
    check_set_destroy(agents);
    teardown();
}
END_TEST

/* What one has said is none of another's, from the very moment on. */
START_TEST(another_agent_is_another)
{
    struct check_set *agents = check_set_create_agents();
    struct check_change change;

    setup();
    server_start(SOCK_STREAM, "maint 30%\n");
    configure_agent(agents, LIMIT_US);
    expect_words(next_change(agents).agent, "30% maint");
    server_end();

    server_start(SOCK_STREAM, "maxconn:7\n");
    configure_agent(agents, LIMIT_US);
    expect_words(check_set_agent(agents, &backend), "");
    ck_assert(check_set_next_change(agents, &change));
    ck_assert(!change.turned);
    expect_words(change.agent, "");
    ck_assert(!check_set_next_change(agents, &change));
    expect_words(next_change(agents).agent, "maxconn:7");
    check_set_destroy(agents);
    teardown();
}
END_TEST

static const struct {
    const char *reply;          /* NULL: none. */
    bool hold;
    const char *clause;
} mutters[] = {
    { "75% u", false, "connection closed within a line" },
    { "", false, "connection closed without a line" },
    { "75% u", true, "connected, but no answer in 20 ms" },
    { NULL, true, "connected, but no answer in 20 ms" },
};

START_TEST(mutters_are_not_heard)
{
    struct check_set *agents = check_set_create_agents();
    struct check_change change;

    setup();
    server.hold = mutters[_i].hold;
    server_start(SOCK_STREAM, mutters[_i].reply);
    configure_agent(agents, mutters[_i].hold ? 20 * 1000 : LIMIT_US);
    change = next_change(agents);
    ck_assert(change.turned && !change.up && !change.agent);
    ck_assert_str_eq(change.cause, mutters[_i].clause);
    expect_words(check_set_agent(agents, &backend), "");
    check_set_destroy(agents);
    teardown();
}
END_TEST

/* icmp. */

static void
expect_echo(const struct in6_addr *addr)
{
    struct check_stats st;

    setup();
    backend.addr = *addr;
    configure(TPR_CHECK_ICMP, false, 1000 * 1000);
    st = first_verdict();
    if (st.n_own_errors && !st.n_ok) {
        ck_assert_str_eq(st.last, "not allowed (Operation not permitted): "
                         "needs CAP_NET_RAW");
    } else {
        expect_verdict(true, "echo reply");
        ck_assert_int_gt(st.latency_us, 0);
    }
    teardown();
}

START_TEST(hosts_echo)
{
    struct in6_addr v4;

    in6_addr_set_mapped_ipv4(&v4, htonl(0x7f000005));
    expect_echo(&v4);
    expect_echo(&in6addr_loopback);
}
END_TEST

/* https. */

static const char OK[] = "HTTP/1.1 200 OK\r\n\r\n";

static EVP_PKEY *
make_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    ck_assert_int_eq(EVP_PKEY_keygen_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
                         ctx, NID_X9_62_prime256v1), 1);
    ck_assert_int_eq(EVP_PKEY_keygen(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Makes a certificate that vouches for itself, for www.example.org and
 * 127.0.0.1, valid until 'end' seconds from now. */
static X509 *
make_certificate(EVP_PKEY *key, long int end)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *san;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), end);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const uint8_t *) "test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                              "DNS:www.example.org,IP:127.0.0.1");
    ck_assert_ptr_nonnull(san);
    X509_add_ext(cert, san, -1);
    X509_EXTENSION_free(san);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

static char ca_file[64];

static void
write_ca(X509 *cert)
{
    FILE *stream;
    int fd;

    ovs_strlcpy(ca_file, "/tmp/test-check-kinds.XXXXXX", sizeof ca_file);
    fd = mkstemp(ca_file);
    ck_assert_int_ge(fd, 0);
    stream = fdopen(fd, "w");
    PEM_write_X509(stream, cert);
    fclose(stream);
}

static void
start_tls(long int end, const char *reply)
{
    EVP_PKEY *key = make_key();
    X509 *cert = make_certificate(key, end);

    server.tls = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate(server.tls, cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(server.tls, key), 1);
    write_ca(cert);
    X509_free(cert);
    EVP_PKEY_free(key);
    server_start(SOCK_STREAM, reply);
}

static const struct {
    bool no_verify, ca;
    const char *host, *sni, *expected_sni;
    long int end;
    const char *reply;
    bool good;
    const char *clause;
} handshakes[] = {
    { false, true, NULL, NULL, "", 3600, OK, true, "HTTP status 200" },
    { false, true, "www.example.org:8443", NULL, "www.example.org", 3600, OK,
      true, "HTTP status 200" },
    { false, true, "intranet", "www.example.org", "www.example.org", 3600, OK,
      true, "HTTP status 200" },
    { false, true, "127.0.0.1", NULL, "", 3600, OK, true, "HTTP status 200" },
    { true, false, "other.example.org", NULL, "other.example.org", -60, OK,
      true, "HTTP status 200" },
    { false, true, NULL, NULL, "", 3600, "HTTP/1.1 503 Busy\r\n\r\n", false,
      "HTTP status 503" },
    { false, true, "other.example.org", NULL, NULL, 3600, OK, false,
      "certificate refused: hostname mismatch" },
    { false, true, "127.0.0.2", NULL, NULL, 3600, OK, false,
      "certificate refused: IP address mismatch" },
    { false, true, NULL, NULL, NULL, -60, OK, false,
      "certificate refused: certificate has expired" },
    { false, false, NULL, NULL, NULL, 3600, OK, false,
      "certificate refused: self-signed certificate" },
};

START_TEST(handshakes_are_judged)
{
    setup();
    start_tls(handshakes[_i].end, handshakes[_i].reply);
    check.no_verify = handshakes[_i].no_verify;
    check.ca_file = handshakes[_i].ca ? ca_file : NULL;
    check.host = CONST_CAST(char *, handshakes[_i].host);
    check.sni = CONST_CAST(char *, handshakes[_i].sni);
    configure(TPR_CHECK_HTTPS, !handshakes[_i].good, 5000 * 1000);
    expect_verdict(handshakes[_i].good, handshakes[_i].clause);
    server_end();
    if (handshakes[_i].good) {
        ck_assert_str_eq(server.sni, handshakes[_i].expected_sni);
        ck_assert(!strncmp(server.request, "GET / HTTP/1.1\r\nHost: ", 22));
    }
    unlink(ca_file);
    teardown();
}
END_TEST

/* One handshake is enough for many checks. */
START_TEST(tls_is_kept)
{
    setup();
    start_tls(3600, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    server.hold = true;
    server.n_tls = 0;
    check.keepalive = true;
    check.no_verify = true;
    configure(TPR_CHECK_HTTPS, false, 5000 * 1000);
    check.interval_us = 1000;
    for (unsigned int n = 1; n <= 5; n++) {
        verdicts(n);
    }
    ck_assert_uint_eq(stats().n_failed, 0);
    check_set_destroy(set);
    set = NULL;
    server_end();
    ck_assert_uint_eq(server.n_tls, 1);
    unlink(ca_file);
    teardown();
}
END_TEST

/* A server that has sent its session tickets keeps the reply, by Nagle's
 * algorithm, until we acknowledge them: 40 ms later, if that is delayed. */
START_TEST(tls_waits_for_no_delayed_ack)
{
    long long int alone_us = LLONG_MAX;
    unsigned int n = 0;

    setup();
    server.hold = true;         /* Its end would send the reply, too. */
    server.nodelay = true;
    start_tls(3600, OK);
    check.no_verify = true;
    configure(TPR_CHECK_HTTPS, false, 5000 * 1000);
    while (n < 5) {
        alone_us = MIN(alone_us, verdicts(++n).latency_us);
    }
    server.nodelay = false;
    do {
        ck_assert_uint_lt(n, 200);
    } while (verdicts(++n).latency_us >= alone_us + 25 * 1000);
    unlink(ca_file);
    teardown();
}
END_TEST

START_TEST(server_without_tls_is_found_out)
{
    setup();
    check.no_verify = true;
    server_start(SOCK_STREAM, "HTTP/1.1 400 Bad Request\r\n\r\n");
    configure(TPR_CHECK_HTTPS, true, 5000 * 1000);
    expect_verdict(false, "TLS failed: wrong version number");
    teardown();
}
END_TEST

START_TEST(silent_server_times_out)
{
    setup();
    check.no_verify = true;
    server_start(SOCK_STREAM, NULL);
    configure(TPR_CHECK_HTTPS, true, 30 * 1000);
    expect_verdict(false, "connected, but no answer in 30 ms");
    teardown();
}
END_TEST

START_TEST(missing_authorities_are_our_fault)
{
    struct check_stats st;

    setup();
    server_start(SOCK_STREAM, OK);
    check.ca_file = CONST_CAST(char *, "/nonexistent/ca.pem");
    configure(TPR_CHECK_HTTPS, true, 1000 * 1000);
    st = first_verdict();
    ck_assert_uint_eq(st.n_own_errors, 1);
    ck_assert_int_eq(st.state, CHECK_UP);
    ck_assert_str_eq(check_set_complaint(set, &backend),
                     "backend \"web/r1\" cannot be checked: cannot read "
                     "/nonexistent/ca.pem (No such file or directory)");
    teardown();
}
END_TEST

static Suite *
kinds_suite(void)
{
    Suite *suite = suite_create("check-kinds");
    TCase *tcase = tcase_create("check-kinds");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, talks_are_judged, 0, ARRAY_SIZE(talks));
    tcase_add_test(tcase, closed_udp_port_is_found_out);
    tcase_add_test(tcase, late_look_is_no_silence);
    tcase_add_test(tcase, agents_are_heard);
    tcase_add_test(tcase, another_agent_is_another);
    tcase_add_loop_test(tcase, mutters_are_not_heard, 0, ARRAY_SIZE(mutters));
    tcase_add_test(tcase, hosts_echo);
    tcase_add_loop_test(tcase, handshakes_are_judged, 0,
                        ARRAY_SIZE(handshakes));
    tcase_add_test(tcase, tls_is_kept);
    tcase_add_test(tcase, tls_waits_for_no_delayed_ack);
    tcase_add_test(tcase, server_without_tls_is_found_out);
    tcase_add_test(tcase, silent_server_times_out);
    tcase_add_test(tcase, missing_authorities_are_our_fault);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(kinds_suite)
