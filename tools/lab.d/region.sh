# shellcheck shell=bash
# The regions of a lab: nginx, tpr-regiond, and how they die and come back.

# Configuration of the server of region $1, which answers $2 (200 or 500).
# The body is the name of the region.  Beside it: /upload answers when it has
# the whole body of a request, /slow takes an hour.
nginx_configure () {
    local dir=$DIR/r$1
    mkdir -p "$dir/nginx"
    truncate -s 4M "$dir/nginx/slow"
    cat > "$dir/nginx/nginx.conf" <<END
worker_processes 1;
worker_rlimit_nofile 8192;
error_log $dir/nginx/error.log;
pid $dir/nginx/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    # Who keeps a connection is not sent away after 1,000 requests or an hour.
    keepalive_requests 1000000000;
    keepalive_time 1d;
    client_body_temp_path $dir/nginx/body;
    proxy_temp_path $dir/nginx/proxy;
    fastcgi_temp_path $dir/nginx/fastcgi;
    uwsgi_temp_path $dir/nginx/uwsgi;
    scgi_temp_path $dir/nginx/scgi;
    default_type text/plain;
    server {
        listen 80 backlog=1024;
        listen [::]:80 ipv6only=on backlog=1024;
        listen 8080;
        listen [::]:8080 ipv6only=on;
        add_header X-Served-By r$1 always;
        location / { return $2 "r$1\n"; }
        location = /slow { root $dir/nginx; limit_rate 1k; }
        location = /upload {
            proxy_pass http://127.0.0.1:8080/;
            proxy_hide_header X-Served-By;
        }
    }
}
END
}

nginx_start () {
    in_ns "r$1" nginx -p "$DIR/r$1/nginx/" -c "$DIR/r$1/nginx/nginx.conf" \
        -e "$DIR/r$1/nginx/error.log"
    wait_for 5 nginx_answers "$1" 200 ||
        die "the server of r$1 does not answer; see $DIR/r$1/nginx/error.log"
}

# True if the server of region $1 answers with status $2 there.
nginx_answers () {
    # shellcheck disable=SC2016
    in_ns "r$1" bash -c 'exec 3<> /dev/tcp/127.0.0.1/80 &&
        printf "GET / HTTP/1.0\r\n\r\n" >&3 && read -r -t 1 _ status _ <&3 &&
        test "$status" = "$0"' "$2"
}

# Processes of the server of region $1: master and workers.
nginx_pids () {
    local pid
    pid=$(pid_in_ns "$DIR/r$1/nginx/nginx.pid" "r$1") || return 0
    echo "$pid"
    xargs -r printf '%s\n' < "/proc/$pid/task/$pid/children"
}

# Makes the running server of region $1 answer $2 from now on.
nginx_answer () {
    local pid
    pid=$(pid_in_ns "$DIR/r$1/nginx/nginx.pid" "r$1") ||
        die "the server of r$1 does not run."
    nginx_configure "$1" "$2"
    kill -HUP "$pid"
    wait_for 5 nginx_answers "$1" "$2" ||
        die "the server of r$1 does not answer $2."
}

nginx_signal () {
    local pids
    mapfile -t pids < <(nginx_pids "$1")
    test ${#pids[@]} -gt 0 || die "the server of r$1 does not run."
    kill "-$2" "${pids[@]}"
}

regiond_start () {
    local dir=$DIR/r$1 check=()
    test -z "$REGIOND_CHECK" || check=("--check=http://127.0.0.1/health"
        --check-interval=100ms --check-timeout=100ms --check-fall=3
        --check-rise=2)
    OVS_RUNDIR=$dir OVS_LOGDIR=$dir in_ns "r$1" tpr-regiond \
        -vconsole:off -vsyslog:off --detach --no-chdir --pidfile --log-file \
        --local="$(region_ip "$1")" --peer="$(switch_ip)" \
        --interval="$INTERVAL" --fall="$FALL" ${OFFLOAD:+--offload="$OFFLOAD"} \
        "${check[@]}"
}

# BIRD as the region's side of BFD.
bird_start () {
    local dir=$DIR/r$1
    cat > "$dir/bird.conf" <<END
router id $(region_ip4 "$1");
log "$dir/bird.log" all;
protocol device { }
protocol bfd {
    interface "eth0" {
        min rx interval $(to_us "$INTERVAL") us;
        min tx interval $(to_us "$INTERVAL") us;
        multiplier $FALL;
    };
    neighbor $(switch_ip) dev "eth0" local $(region_ip "$1");
}
END
    in_ns "r$1" bird -c "$dir/bird.conf" -s "$dir/bird.ctl" -P "$dir/bird.pid"
}

switch_ip () {
    if test -n "$IPV6"; then echo "$NET6:1"; else echo "$NET4.1"; fi
}

region_up () {
    nginx_configure "$1" 200
    nginx_start "$1"
    if test -n "$AGENT" && test "$HEARTBEAT" = bfd; then
        case $RESPONDER in
            tpr-regiond) regiond_start "$1" ;;
            bird) bird_start "$1" ;;
        esac
    fi
}

# Ways to die.  What is in force is noted in $DIR/rN/dead.

KILLS=(link silent server hang http500 flap)

region_kill () {
    local n=$1 how=$2 dead=$DIR/r$1/dead
    test ! -e "$dead" ||
        die "r$n is dead already ($(cat "$dead")); heal it first."
    case $how in
        link) wire_link_down "$n" ;;
        silent) wire_silent "$n" ;;
        server)
            local pids
            mapfile -t pids < <(nginx_pids "$n")
            test ${#pids[@]} -gt 0 || die "the server of r$n does not run."
            kill -KILL "${pids[@]}"
            wait_for 5 all_gone "${pids[@]}" ;;
        hang) nginx_signal "$n" STOP ;;
        http500) nginx_answer "$n" 500 ;;
        flap)
            region_flap "$n"
            return ;;
        *) die "kill --how: \"$how\" is none of ${KILLS[*]}." ;;
    esac
    echo "$how" > "$dead"
}

# Takes the link of region $1 down and up $TIMES times, each $PERIOD seconds.
region_flap () {
    local i
    for ((i = 0; i < TIMES; i++)); do
        wire_link_down "$1"
        sleep "$PERIOD"
        wire_link_up "$1"
        sleep "$PERIOD"
    done
}

region_heal () {
    local n=$1 dead=$DIR/r$1/dead
    test -e "$dead" || die "r$n is not dead."
    case $(cat "$dead") in
        link) wire_link_up "$n" ;;
        silent) wire_mend "$n" ;;
        server) nginx_start "$n" ;;
        hang) nginx_signal "$n" CONT ;;
        http500) nginx_answer "$n" 200 ;;
    esac
    rm -f "$dead"
}
