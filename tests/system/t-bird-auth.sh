#! /bin/bash
# BIRD answers BFD with keyed SHA1; a wrong key is no proof of life.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP, bird  <- silence
#                              +-- r2 .60, bird
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

command -v bird > /dev/null || skip "bird was not found"

EXPECTED_LOGS+=('authenti|discard|bad|r1')

# bird_key AUTHENTICATION: r1's BIRD starts anew with it and key 7, "open".
bird_key () {
    local dir=$LABS/$NAME/r1 pid
    pid=$(cat "$dir/bird.pid")
    kill "$pid"
    wait_for 5 eval "! test -e /proc/$pid"
    sed -i '/authentication/d
        s/^ *multiplier .*/&\n        authentication '"$1"'; password "open" { id 7; };/' \
        "$dir/bird.conf"
    "$LAB" exec --name "$NAME" r1 -- bird -c "$dir/bird.conf" \
        -s "$dir/bird.ctl" -P "$dir/bird.pid"
}

start_lab --responder bird
short_holds
expect_healthy
heartbeat=$(ctl get Region r1 heartbeat)

for type in simple keyed-sha1 meticulous-keyed-sha1; do
    bird_key "$(echo $type | tr - ' ')"
    wait_is Region r1 state down
    ctl set Heartbeat "$heartbeat" auth_type=$type auth_key_id=7 auth_key=open
    wait_is Region r1 state up 15
done
wait_is Service web state ok 15

ctl set Heartbeat "$heartbeat" auth_key=sesame
wait_is Region r1 state down
expect_answer r2
ctl set Heartbeat "$heartbeat" auth_key=open
wait_is Region r1 state up 15
wait_is Service web state ok 15
region_dies silent
finish
