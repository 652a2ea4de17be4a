# The quilt series for Open vSwitch; every patch in it is named here.

EXTRA_DIST += ovs-patches/series
EXTRA_DIST += ovs-patches/series.none
EXTRA_DIST += ovs-patches/0001-bridge-Keep-running-without-ovsdb-server.patch
EXTRA_DIST += ovs-patches/0002-tpr-Add-a-folder-for-transparent-packet-redirection.patch
EXTRA_DIST += ovs-patches/0003-OpenFlow-Add-an-experimenter-id-for-transparent-pack.patch
EXTRA_DIST += ovs-patches/0004-OpenFlow-Add-messages-for-redirects-and-liveness.patch
EXTRA_DIST += ovs-patches/0005-ofp-actions-Add-redirect-action.patch
EXTRA_DIST += ovs-patches/0006-ovs-ofctl-Add-commands-for-redirects-and-liveness.patch
EXTRA_DIST += ovs-patches/0007-ovs-save-Save-and-restore-redirects.patch
EXTRA_DIST += ovs-patches/0008-tpr-Compile-the-redirects-of-a-userspace-datapath.patch
EXTRA_DIST += ovs-patches/0009-odp-util-Add-redirect-action.patch
EXTRA_DIST += ovs-patches/0010-dpif-netdev-Implement-the-redirect-action.patch
EXTRA_DIST += ovs-patches/0011-dpctl-Add-commands-to-dump-redirects-and-their-conne.patch
EXTRA_DIST += ovs-patches/0012-ofproto-Add-redirects.patch
EXTRA_DIST += ovs-patches/0013-netdev-linux-Let-AF_PACKET-sockets-hold-a-burst-of-p.patch
