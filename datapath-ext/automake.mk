# What a packet meets.  The files directly in this folder and those in its
# folder ovs also appear in Open vSwitch's tree, folder tpr, by themselves
# (build-aux/ovs-tree.sh); a patch in ovs-patches names the ones to compile.

EXTRA_DIST += datapath-ext/redirect.h
