#! /usr/bin/env python3
"""A server of a region for health checks of all kinds.

    check-server.py CERTIFICATE READY

answers on all IPv4 addresses: "PING" with "+PONG" at TCP port 7001 and at UDP
port 7002, GET at port 7003 over TLS with CERTIFICATE, a PEM file that holds
the key, too; it closes behind each answer, without a word of that.  When all of that is so, READY has the number of the process.

While it is ill, from signal USR1 to USR2, it answers "-LOADING" and 503.
"""

import os
import select
import signal
import socket
import ssl
import sys

ILL = [False]


def listen(kind, port):
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('0.0.0.0', port))
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


def answer(request):
    if request.startswith(b'GET '):
        return (b'HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n'
                % (b'503 Busy' if ILL[0] else b'200 OK'))
    return b'-LOADING\r\n' if ILL[0] else b'+PONG\r\n'


def serve(s, context):
    try:
        s.settimeout(1)
        if context:
            s = context.wrap_socket(s, server_side=True)
        s.sendall(answer(s.recv(4096)))
    except OSError:
        pass                    # The check has gone.
    s.close()


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    tcp = listen(socket.SOCK_STREAM, 7001)
    udp = listen(socket.SOCK_DGRAM, 7002)
    tls = listen(socket.SOCK_STREAM, 7003)
    signal.signal(signal.SIGUSR1, lambda *_: ILL.__setitem__(0, True))
    signal.signal(signal.SIGUSR2, lambda *_: ILL.__setitem__(0, False))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(sys.argv[2], 'w') as ready:
        ready.write('%d\n' % os.getpid())
    while True:
        for s in select.select([tcp, udp, tls], [], [])[0]:
            if s is udp:
                request, peer = udp.recvfrom(4096)
                udp.sendto(answer(request), peer)
            else:
                serve(s.accept()[0], context if s is tls else None)


main()
