#! /bin/bash
# With BPF programs: the switch still learns where clients are.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

CLIENT=02:00:ac:14:7e:0a
vswitchd () { on_switch timeout 10 ovs-appctl "$@"; }
knows_client () { vswitchd fdb/show br0 | grep -q "^ *1 .*$CLIENT"; }
taught () { appctl tpr/show --json | sed -n 's/.*"bpf_taught":\([0-9]*\).*/\1/p'; }

start_lab
short_holds
wait_is Service web provider bpf
# ARP, which the programs never take, shall not be what teaches.
on_client ip neigh replace "$VIP" dev eth0 nud permanent lladdr 02:00:ac:14:7e:32
for r in r1 r2; do
    "$LAB" exec --name "$NAME" $r -- ip neigh replace 172.20.126.10 dev eth0 \
        nud permanent lladdr $CLIENT
done
# Nor shall the client's solicitations of IPv6 routers, nor what the switch
# counts late of packets that it forwarded before.
on_client sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
forgotten () { vswitchd fdb/flush br0 && ! knows_client; }
wait_for 5 forgotten
expect_answer r1
wait_for 5 knows_client
wait_for 5 eval 'test "$(taught)" -ge 1'
# Not with every packet.
before=$(taught)
for _ in 1 2 3 4 5; do expect_answer r1; done
sleep 2
test "$(taught)" -le $((before + 2)) || fail "$before, then $(taught) frames."
finish
