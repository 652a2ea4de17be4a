#! /bin/sh
# Makes ./configure from configure.ac.  Needed only in a git checkout; a
# release tarball has it already.

set -e
cd "$(dirname "$0")"

missing=
while read -r program package; do
    command -v "$program" > /dev/null 2>&1 || missing="$missing $package"
done <<EOT
autoreconf autoconf
automake automake
libtoolize libtool
EOT
if test -n "$missing"; then
    echo "boot.sh: the build system cannot be made, these Debian packages" \
         "are missing:$missing" >&2
    exit 1
fi

exec autoreconf --install --force
