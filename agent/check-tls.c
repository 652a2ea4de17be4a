/* SPDX-License-Identifier: Apache-2.0 */

/* TLS for health checks, by OpenSSL: see check-tls.h. */

#include <config.h>
#include "check-tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "model.h"
#include "openvswitch/shash.h"
#include "util.h"

struct check_tls {
    SSL *ssl;
    char clause[96];            /* Why it failed. */
};

/* What checks with the same authorities share, by the name of the file; "" is
 * the host's, "-" none at all. */
struct authorities {
    SSL_CTX *ctx;
    struct timespec mtime;      /* Of the file. */
    off_t size;
};
static struct shash all_authorities
    = SHASH_INITIALIZER(&all_authorities);

/* Returns a new context, or NULL with a sentence in '*error'. */
static SSL_CTX *
make_context(bool verify, const char *ca_file, char **error)
{
    static const uint8_t alpn[] = "\x08http/1.1";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    *error = NULL;
    if (!ctx) {
        *error = xstrdup("OpenSSL cannot be used");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, (SSL_MODE_ENABLE_PARTIAL_WRITE
                           | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                           | SSL_MODE_RELEASE_BUFFERS));
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (ca_file && SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1) {
        *error = xasprintf("%s holds no certificates", ca_file);
    } else if (verify && !ca_file) {
        SSL_CTX_set_default_verify_paths(ctx);
    }
    ERR_clear_error();
    if (*error) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/* Returns the context for 'check', owned by this file, or NULL with a sentence
 * in '*error'. */
static SSL_CTX *
get_context(const struct tpr_check *check, char **error)
{
    bool verify = !check->no_verify;
    const char *ca_file = verify ? check->ca_file : NULL;
    const char *key = !verify ? "-" : ca_file ? ca_file : "";
    struct authorities *a = shash_find_data(&all_authorities, key);
    struct stat st;
    SSL_CTX *ctx;

    memset(&st, 0, sizeof st);
    *error = NULL;
    if (ca_file && stat(ca_file, &st)) {
        *error = xasprintf("cannot read %s (%s)", ca_file,
                           ovs_strerror(errno));
        return NULL;
    }
    if (a && a->size == st.st_size && a->mtime.tv_sec == st.st_mtim.tv_sec
        && a->mtime.tv_nsec == st.st_mtim.tv_nsec) {
        return a->ctx;
    }
    ctx = make_context(verify, ca_file, error);
    if (!ctx) {
        return NULL;
    }
    if (!a) {
        a = xzalloc(sizeof *a);
        shash_add(&all_authorities, key, a);
    }
    SSL_CTX_free(a->ctx);
    a->ctx = ctx;
    a->mtime = st.st_mtim;
    a->size = st.st_size;
    return ctx;
}

/* Returns the name by which 'check' knows the server, to be freed; NULL if it
 * knows only the address. */
static char *
server_name(const struct tpr_check *check)
{
    const char *s = check->sni ? check->sni : check->host;

    if (!s) {
        return NULL;
    } else if (*s == '[') {
        return xmemdup0(s + 1, strcspn(s + 1, "]"));
    }
    return xmemdup0(s, strcspn(s, ":"));
}

/* Tells 'ssl' whom to expect.  Returns false if OpenSSL refuses. */
static bool
set_server(SSL *ssl, const struct tpr_check *check,
           const struct in6_addr *addr)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *name = server_name(check);
    bool ok;

    if (!name) {
        bool v4 = IN6_IS_ADDR_V4MAPPED(addr);

        return X509_VERIFY_PARAM_set1_ip(param, &addr->s6_addr[v4 ? 12 : 0],
                                         v4 ? 4 : 16);
    }
    ok = (X509_VERIFY_PARAM_set1_ip_asc(param, name)
          || (SSL_set_tlsext_host_name(ssl, name)
              && X509_VERIFY_PARAM_set1_host(param, name, 0)));
    ERR_clear_error();
    free(name);
    return ok;
}

/* Prepares a conversation over 'fd', which is connected to 'addr'.  Returns
 * NULL, or a sentence, to be freed, about our own fault; then there is nothing
 * to close.  'fd' stays the caller's. */
char *
check_tls_open(int fd, const struct tpr_check *check,
               const struct in6_addr *addr, struct check_tls **tlsp)
{
    char *error;
    SSL_CTX *ctx = get_context(check, &error);
    SSL *ssl;

    *tlsp = NULL;
    if (!ctx) {
        return error;
    }
    ssl = SSL_new(ctx);
    if (!ssl || !SSL_set_fd(ssl, fd) || !set_server(ssl, check, addr)) {
        SSL_free(ssl);
        ERR_clear_error();
        return xstrdup("OpenSSL cannot be used");
    }
    SSL_set_quiet_shutdown(ssl, 1);
    SSL_set_connect_state(ssl);
    *tlsp = xzalloc(sizeof **tlsp);
    (*tlsp)->ssl = ssl;
    return NULL;
}

/* Frees 'tls', which may be NULL. */
void
check_tls_close(struct check_tls *tls)
{
    if (tls) {
        SSL_free(tls->ssl);
        free(tls);
    }
}

/* Turns the result of an operation, 'retval', into what this file returns.
 * '*eof', if nonnull, is set at the end of the stream, with 0. */
static int
tls_error(struct check_tls *tls, int retval, bool *eof)
{
    int socket_error = errno;
    long int verified;
    const char *reason;

    switch (SSL_get_error(tls->ssl, retval)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        if (eof) {
            *eof = true;
            return 0;
        }
        break;
    case SSL_ERROR_SYSCALL:
        if (socket_error) {
            return socket_error;
        }
        break;
    default:
        break;
    }
    verified = SSL_get_verify_result(tls->ssl);
    reason = ERR_reason_error_string(ERR_peek_error());
    if (verified != X509_V_OK
        && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
        snprintf(tls->clause, sizeof tls->clause, "certificate refused: %s",
                 X509_verify_cert_error_string(verified));
    } else {
        snprintf(tls->clause, sizeof tls->clause, "TLS failed: %s",
                 reason ? reason : "connection closed");
    }
    ERR_clear_error();
    return EPROTO;
}

/* Goes on with the handshake; 0 means that it is over. */
int
check_tls_handshake(struct check_tls *tls)
{
    int retval;

    if (SSL_is_init_finished(tls->ssl)) {
        return 0;
    }
    ERR_clear_error();
    errno = 0;
    retval = SSL_do_handshake(tls->ssl);
    return retval == 1 ? 0 : tls_error(tls, retval, NULL);
}

/* Sends some of the 'n' bytes at 'data'. */
int
check_tls_send(struct check_tls *tls, const void *data, size_t n,
               size_t *n_sent)
{
    int retval;

    *n_sent = 0;
    ERR_clear_error();
    errno = 0;
    retval = SSL_write_ex(tls->ssl, data, n, n_sent);
    return retval == 1 ? 0 : tls_error(tls, retval, NULL);
}

/* Receives up to 'n' bytes; none of them with 0 is the end of the stream. */
int
check_tls_recv(struct check_tls *tls, void *data, size_t n,
               size_t *n_received)
{
    bool eof = false;
    int retval;

    *n_received = 0;
    ERR_clear_error();
    errno = 0;
    retval = SSL_read_ex(tls->ssl, data, n, n_received);
    return retval == 1 ? 0 : tls_error(tls, retval, &eof);
}

/* Why an operation returned EPROTO, a clause that 'tls' owns. */
const char *
check_tls_clause(const struct check_tls *tls)
{
    return tls->clause;
}
