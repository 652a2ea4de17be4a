# The quilt series for Open vSwitch; every patch in it is named here.

EXTRA_DIST += ovs-patches/series
