# The quilt series for Open vSwitch; every patch in it is named here.

EXTRA_DIST += ovs-patches/series
EXTRA_DIST += ovs-patches/series.none
EXTRA_DIST += ovs-patches/0001-bridge-Keep-running-without-ovsdb-server.patch
