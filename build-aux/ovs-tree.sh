#! /bin/sh
# Open vSwitch's tree: unpacked, patched, extended and built.
#
#   ovs-tree.sh version SOURCE     prints the version of a tarball or tree
#   ovs-tree.sh build [STAMP]      brings $OVS_BUILD/tree up to date; touches
#                                  STAMP only if the tree differs from what
#                                  STAMP was last made for
#   ovs-tree.sh make TARGET...     runs make in the tree (install, uninstall)
#   ovs-tree.sh prepare DIR        only unpacks, patches and extends into DIR
#
# Environment, set by the Makefile:
#   OVS_BUILD           folder of this script's own; holds
#                         tree      Open vSwitch, source and build
#                         key       hash of all inputs of a finished build
#                         base      hash of what forces a build from scratch
#                         manifest  hashes of the source files in tree
#                         lock      held while any of these changes
#   OVS_SOURCE          tarball or unpacked tree
#   OVS_PATCHES         folder with the patches and OVS_SERIES
#   OVS_SERIES          name of the series file therein
#   OVS_EXT             datapath-ext: its own *.[ch] and those in its folder
#                       ovs appear in the tree's folder tpr
#   OVS_CONFIGURE_ARGS  arguments of configure
#   OVS_CC, OVS_CFLAGS  compiler and its flags
#   MAKE, V             make (with its jobserver, if any); V=1 shows commands
#
# Builds from several worktrees may share one OVS_BUILD.  Nothing but contents
# counts, no time stamps: a changed patch or extension changes exactly the
# files in the tree whose contents change, and make does the rest.  That is
# why the extensions are copied: a symbolic link would drag the time stamps
# of whichever worktree came last into a build that belongs to all.

set -e
LC_ALL=C
export LC_ALL

die () {
    echo "ovs-tree.sh: $*" >&2
    exit 1
}

say () {
    echo "  OVS      $*"
}

# Files of a given tree that a build leaves behind.
built_files="--exclude=./.git --exclude=*.o --exclude=*.lo --exclude=*.la
    --exclude=*.a --exclude=.libs --exclude=.deps --exclude=.dirstamp
    --exclude=__pycache__ --exclude=./Makefile --exclude=./config.h
    --exclude=./config.status --exclude=./config.log --exclude=./libtool
    --exclude=./stamp-h1 --exclude=./config.cache
    --exclude=./tests/testsuite.dir"

# Writes a tree as a tar stream with stable order, owners and times.
tar_of_tree () {
    tar -C "$1" -c -f - --sort=name --owner=0 --group=0 --mtime=@0 \
        $built_files .
}

version () {
    if test -d "$1"; then
        cat "$1/configure.ac" 2>/dev/null
    else
        tar -x -O -f "$1" --wildcards --no-wildcards-match-slash \
            '*/configure.ac' 2>/dev/null
    fi | sed -n 's/^AC_INIT(openvswitch, *\([^,]*\),.*/\1/p' | head -n 1
}

series () {
    sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' \
        "$OVS_PATCHES/$OVS_SERIES"
}

# Names of the extensions, relative to the tree's folder tpr, and their files.
extensions () {
    for file in "$OVS_EXT"/*.[ch]; do
        test ! -e "$file" || echo "${file##*/} $file"
    done
    test ! -d "$OVS_EXT/ovs" ||
        (cd "$OVS_EXT/ovs" && find . -type f -name '*.[ch]') | sort |
        while read -r name; do
            echo "${name#./} $OVS_EXT/ovs/${name#./}"
        done
}

hash_of () {
    sha256sum | cut -d' ' -f1
}

# What needs a build from scratch when it changes.
base_key () {
    {
        echo "format 2"
        # libtool writes it into the library.
        echo "folder $OVS_BUILD"
        if test -d "$OVS_SOURCE"; then
            tar_of_tree "$OVS_SOURCE" | sha256sum
        else
            sha256sum < "$OVS_SOURCE"
        fi
        echo "args $OVS_CONFIGURE_ARGS"
        echo "cc $OVS_CC"
        $OVS_CC --version | head -n 1
        echo "cflags $OVS_CFLAGS"
    } | hash_of
}

# What changes the tree.
full_key () {
    {
        echo "base $1"
        series | while read -r patch; do
            echo "patch $patch"
            sha256sum < "$OVS_PATCHES/$patch"
        done
        extensions | while read -r name file; do
            echo "ext $name"
            sha256sum < "$file"
        done
    } | hash_of
}

# Unpacks, patches and extends into the folder $1.
prepare () {
    rm -rf "$1"
    mkdir -p "$1"
    if test -d "$OVS_SOURCE"; then
        tar -C "$OVS_SOURCE" -c -f - $built_files . | tar -C "$1" -x -f -
    else
        tar -C "$1" -x -f "$OVS_SOURCE" --strip-components=1 --no-same-owner
    fi
    series > "$1.series"
    while read -r patch; do
        test -e "$OVS_PATCHES/$patch" ||
            die "$OVS_PATCHES/$OVS_SERIES names $patch, which does not exist."
        patch -d "$1" -p1 -F0 -s -N --no-backup-if-mismatch \
            -i "$OVS_PATCHES/$patch" ||
            die "$patch does not apply with fuzz 0 to $OVS_SOURCE."
    done < "$1.series"
    rm -f "$1.series"
    extensions | while read -r name file; do
        mkdir -p "$(dirname "$1/tpr/$name")"
        cp "$file" "$1/tpr/$name"
    done
}

manifest_of () {
    (cd "$1" && find . \( -type f -o -type l \) -print0 | sort -z |
        xargs -0 sha256sum)
}

# Makes the source files in tree equal to those in new.  A file keeps its time
# stamp if its contents stay.
sync_tree () {
    { diff manifest manifest.new || test $? = 1; } |
        sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u |
        while read -r name; do
            if test -e "new/$name"; then
                mkdir -p "$(dirname "tree/$name")"
                cp "new/$name" "tree/$name"
            else
                rm -f "tree/$name"
            fi
        done
}

# boot.sh comes first always: patches touch build files, and the tarball's
# configure may be of another release of Automake than this machine's.
run_configure () {
    say "configures ($OVS_CC $OVS_CFLAGS)"
    (cd tree && ./boot.sh) > boot.log 2>&1 || {
        tail -n 20 boot.log >&2
        die "boot.sh failed in $OVS_BUILD/tree, see boot.log there."
    }
    # The arguments are words that the user may have quoted, as in CFLAGS.
    (cd tree && eval "./configure --quiet $OVS_CONFIGURE_ARGS" \
        'CC="$OVS_CC"' 'CFLAGS="$OVS_CFLAGS"') > configure.log 2>&1 || {
        tail -n 20 configure.log >&2
        die "configure failed in $OVS_BUILD/tree, see configure.log there."
    }
}

# $1 is the key of what forces a new start.
update_tree () {
    rm -f key
    say "unpacks and patches $OVS_SOURCE"
    prepare "$OVS_BUILD/new"
    manifest_of new > manifest.new
    if test ! -e tree/config.status || test ! -e manifest ||
       test "$(cat base 2>/dev/null)" != "$1"; then
        rm -rf tree base manifest
        mv new tree
        mv manifest.new manifest
    else
        # Open vSwitch's Makefile sees to changed build files by itself.
        sync_tree
        rm -rf new
        mv manifest.new manifest
    fi
    if test ! -e base; then
        run_configure
        echo "$1" > base
    fi
}

# Open vSwitch's build has no silent rules: one line a file is enough, unless
# V=1.  What compilers say goes to standard error and stays as it is.
progress () {
    if test "$V" = 1; then
        cat
    else
        sed -u -n \
            -e 's/.* -c -o \([^ ]*\.l\{0,1\}o\) .*/  OVS CC   \1/p' \
            -e 's/.*--mode=link.* -o \([^ ]*\) .*/  OVS CCLD \1/p'
    fi
}

build () {
    stamp=$1
    mkdir -p "$OVS_BUILD"
    cd "$OVS_BUILD"
    exec 9> lock
    if ! flock -n 9; then
        say "waits for another build in $OVS_BUILD"
        flock 9
    fi
    base=$(base_key)
    key=$(full_key "$base")
    if test "$(cat key 2>/dev/null)" != "$key" ||
       test ! -e tree/lib/libopenvswitch.la; then
        update_tree "$base"
        say "builds in $OVS_BUILD/tree"
        rm -f failed
        { $MAKE -C tree all 9>&- || touch failed; } | progress
        test ! -e failed || die "Open vSwitch does not build."
        echo "$key" > key
    fi
    if test -n "$stamp" && test "$(cat "$stamp" 2>/dev/null)" != "$key"; then
        echo "$key" > "$stamp"
    fi
}

case $OVS_BUILD in
    ''|/*) ;;
    *) die "OVS_BUILD must be an absolute path." ;;
esac
test ! -d "$OVS_PATCHES" || OVS_PATCHES=$(cd "$OVS_PATCHES" && pwd)
test ! -d "$OVS_EXT" || OVS_EXT=$(cd "$OVS_EXT" && pwd)
MAKE=${MAKE:-make}
command=$1
test $# = 0 || shift
case $command in
    version) version "$1" ;;
    prepare) prepare "$1" ;;
    build)
        case $1 in
            ''|/*) build "$1" ;;
            *) build "$PWD/$1" ;;
        esac ;;
    make)
        cd "$OVS_BUILD"
        exec 9> lock
        flock 9
        $MAKE -C tree "$@" 9>&- ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
