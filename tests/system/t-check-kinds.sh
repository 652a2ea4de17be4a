#! /bin/bash
# Health checks of all kinds beside http: tcp and udp with send and expect,
# icmp, https.  The server of r1 falls ill, recovers, and goes.
#
#   client .10 --- switch .1 --+-- r1 .50, and check-server.py
#     VIP .100                 +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
for program in openssl python3; do
    command -v $program > /dev/null || skip "$program was not found"
done

TIMING=(interval=100ms fast_interval=20ms timeout=100ms fall=3 rise=2)
R1=172.20.126.50

start_lab --vip 172.20.126.100 --check none
short_holds
# Each return would be held twice as long as the one before, 13 s in the end.
ctl set Region r1 damping_hold=10ms
CERT=$LABS/$NAME/cert.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$CERT.key" -out "$CERT.crt" -days 2 -subj /CN=r1 \
    -addext "subjectAltName=DNS:www.example.org,IP:$R1" 2> /dev/null
cat "$CERT.key" "$CERT.crt" > "$CERT"

server_up () {
    rm -f "$CERT.ready"
    "$LAB" exec --name "$NAME" r1 -- python3 "$SYSTEM/check-server.py" \
        "$CERT" "$CERT.ready" &
    wait_for 5 test -s "$CERT.ready"
    SERVER=$(cat "$CERT.ready")
}
server_says () { kill "-$1" "$SERVER"; }

# The backend in r1 has no name of its own.
B1=$(on_switch ovs-tprctl --bare --columns=_uuid find Backend \
     "address=$R1")

# check_follows CLAUSE-WHEN-ILL TYPE KEY=VALUE...
check_follows () {
    local ill=$1
    shift
    echo "check: $*"
    ctl set-check web/r1 "$@" "${TIMING[@]}"
    wait_is Backend "$B1" check_state up
    wait_is Service web active web/r1
    if test "$1" = icmp; then
        lab exec r1 sysctl -qw net.ipv4.icmp_echo_ignore_all=1
    else
        server_says USR1
    fi
    wait_is Service web active web/r2
    appctl tpr/show | grep -F "$ill" || fail "no \"$ill\" in: $(appctl tpr/show)"
    if test "$1" = icmp; then
        lab exec r1 sysctl -qw net.ipv4.icmp_echo_ignore_all=0
    else
        server_says USR2
    fi
    wait_is Service web active web/r1
}

server_up
check_follows 'check down (connection closed before the expected answer: "-LOADING' \
    tcp port=7001 'send=PING\r\n' expect=+PONG
check_follows 'check down (answer without what is expected: "-LOADING' \
    udp port=7002 'send=PING\r\n' expect=+PONG
check_follows 'check down (HTTP status 503)' \
    https port=7003 ca_file="$CERT.crt" expect=200
check_follows 'check down (HTTP status 503)' \
    https port=7003 ca_file="$CERT.crt" host=www.example.org
# Connections that the server does not keep are no failures.
check_follows 'check down (HTTP status 503)' \
    https port=7003 verify=false keepalive=true
check_follows 'check down (no answer in 100 ms)' icmp

echo "certificates"
ctl set-check web/r1 https port=7003 host=other.example.org \
    ca_file="$CERT.crt" "${TIMING[@]}"
wait_is Service web active web/r2
appctl tpr/show | grep -F 'certificate refused: hostname mismatch'
ctl set-check web/r1 https port=7003 host=other.example.org verify=false \
    "${TIMING[@]}"
wait_is Service web active web/r1

# No answer is expected: silence is good, a closed port is not.
echo "a closed port"
ctl set-check web/r1 udp port=7002 "${TIMING[@]}"
wait_is Backend "$B1" check_state up
server_says TERM
wait_is Service web active web/r2
appctl tpr/show | grep -F 'check down (port unreachable)'
finish
