# Macros of ovs-tpr's configure.
#
# Whatever is missing is collected, one sentence each, and said all at once
# by TPR_REPORT_MISSING, before the first check that needs a compiler.

# TPR_MISSING(WHAT, WHY, DEBIAN-PACKAGE)
AC_DEFUN([TPR_MISSING],
  [tpr_missing="$tpr_missing
  $1 is missing ($2); it is in the Debian package $3."
   tpr_missing_packages="$tpr_missing_packages $3"])

# TPR_PROG(VARIABLE, PROGRAMS, WHY, DEBIAN-PACKAGE)
# Requires one of PROGRAMS.
AC_DEFUN([TPR_PROG],
  [AC_PATH_PROGS([$1], [$2])
   AS_IF([test -z "$$1"], [TPR_MISSING([$2], [$3], [$4])])])

# TPR_PKG(PREFIX, MODULE, MINIMUM-VERSION, WHY, DEBIAN-PACKAGE)
# Requires pkg-config's MODULE; sets PREFIX_CFLAGS and PREFIX_LIBS.
AC_DEFUN([TPR_PKG],
  [AC_ARG_VAR([$1][_CFLAGS], [C compiler flags for $2])
   AC_ARG_VAR([$1][_LIBS], [linker flags for $2])
   AC_MSG_CHECKING([for $2 >= $3])
   AS_IF([test -n "$$1_LIBS"],
         [AC_MSG_RESULT([given: $$1_LIBS])],
         [test -n "$PKG_CONFIG" && $PKG_CONFIG --exists "$2 >= $3"],
         [$1_CFLAGS=`$PKG_CONFIG --cflags "$2"`
          $1_LIBS=`$PKG_CONFIG --libs "$2"`
          AC_MSG_RESULT([yes])],
         [AC_MSG_RESULT([no])
          TPR_MISSING([the library $2 >= $3], [$4], [$5])])])

# TPR_REPORT_MISSING
AC_DEFUN([TPR_REPORT_MISSING],
  [AS_IF([test -n "$tpr_missing"],
         [AC_MSG_ERROR([ovs-tpr cannot be built here:
$tpr_missing

All at once: apt-get install$tpr_missing_packages])])])

# TPR_CFLAG(FLAG)
# Adds FLAG to WARNING_FLAGS if the compiler takes it.
AC_DEFUN([TPR_CFLAG],
  [AC_MSG_CHECKING([whether $CC accepts $1])
   tpr_save_cflags=$CFLAGS
   # A compiler that does not know -Wno-x says so only beside other warnings.
   CFLAGS="-Werror m4_bpatsubst([$1], [-Wno-], [-W])"
   AC_COMPILE_IFELSE([AC_LANG_SOURCE([int x;])],
     [WARNING_FLAGS="$WARNING_FLAGS $1"
      AC_MSG_RESULT([yes])],
     [AC_MSG_RESULT([no])])
   CFLAGS=$tpr_save_cflags])

# TPR_FIND_OVS
# Finds Open vSwitch's source, its version and the patch series for it.
# Sets OVS_SOURCE, OVS_VERSION, OVS_SERIES.
AC_DEFUN([TPR_FIND_OVS],
  [AC_MSG_CHECKING([for the source of Open vSwitch])
   tpr_default=/usr/src/openvswitch/openvswitch.tar.gz
   OVS_SOURCE=$with_ovs_source
   AS_CASE([$OVS_SOURCE], [yes|no|''], [OVS_SOURCE=$tpr_default])
   AS_CASE([$OVS_SOURCE], [/*], [], [OVS_SOURCE=`pwd`/$OVS_SOURCE])
   OVS_VERSION=
   OVS_SERIES=
   AS_IF([test ! -e "$OVS_SOURCE"],
     [AC_MSG_RESULT([no])
      AS_IF([test "$OVS_SOURCE" = "$tpr_default"],
        [TPR_MISSING([Open vSwitch's source], [$tpr_default],
                     [openvswitch-source])],
        [AC_MSG_ERROR([--with-ovs-source: $OVS_SOURCE does not exist.])])],
     [OVS_VERSION=`"$srcdir/build-aux/ovs-tree.sh" version "$OVS_SOURCE"`
      AC_MSG_RESULT([$OVS_SOURCE, version ${OVS_VERSION:-unknown}])
      AS_IF([test -z "$OVS_VERSION"],
        [AC_MSG_ERROR([$OVS_SOURCE is not the source of Open vSwitch (its configure.ac names no version of openvswitch).])])
      tpr_branch=`echo "$OVS_VERSION" | sed 's/^\(@<:@0-9@:>@*\.@<:@0-9@:>@*\).*/\1/'`
      AS_IF([test -e "$srcdir/ovs-patches/series.$tpr_branch"],
              [OVS_SERIES=series.$tpr_branch],
            [test "$tpr_branch" = 3.1], [OVS_SERIES=series],
            [AC_MSG_ERROR([Open vSwitch $OVS_VERSION has no patch series here (ovs-patches/series.$tpr_branch); 3.1 has.])])])
   AC_SUBST([OVS_SOURCE])
   AC_SUBST([OVS_VERSION])
   AC_SUBST([OVS_SERIES])])
