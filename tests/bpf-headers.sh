#! /bin/sh
# Tests that the inline headers of datapath-ext compile for BPF, where there
# is no libc: by clang, if that is installed and has the target.  Speaks TAP.

if test -z "$TPR_SRCDIR"; then
    # shellcheck source=/dev/null
    . "${TPR_ENV:-tests/env.sh}" || exit 1
fi
clang=${CLANG:-clang}

echo 1..2
why=
if ! "$clang" --version > /dev/null 2>&1; then
    why="$clang is not installed: nobody looked whether BPF can have this"
elif ! "$clang" -print-targets | grep -qw bpf; then
    why="$clang has no target bpf: nobody looked whether BPF can have this"
fi
if test -n "$why"; then
    echo "# $why" >&2
    echo "ok 1 - compiles for BPF # SKIP $why"
    echo "ok 2 - calls nobody # SKIP $why"
    exit 0
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/bpf-headers-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

cat > "$dir/way.c" << 'END'
#include "redirect-build.h"
#include "redirect-choose.h"
#include "redirect-hash.h"
#include "redirect-rewrite.h"
#include "redirect-suspect.h"
#include "redirect-track.h"

int way(void *, uint32_t, const struct tpr_redirect *, struct tpr_track *,
        const struct tpr_page *);

int
way(void *data, uint32_t n, const struct tpr_redirect *r, struct tpr_track *t,
    const struct tpr_page *page)
{
    const struct tpr_redirect_backend *b = r->backends;
    struct tpr_packet p;
    struct tpr_rst rst;

    if (tpr_parse(data, n, &p) != TPR_PARSED_OK
        || tpr_why_of(b, page) != TPR_WHY_OK) {
        return 0;
    }
    tpr_track_forward(t, &p);
    tpr_track_reverse(t, &p);
    if (tpr_track_ended(t->flags) && tpr_answer_rst(&p, &rst)) {
        return tpr_build_rst(data, &rst);
    }
    tpr_rewrite_forward(data, &p, b, p.tuple.dport, false);
    tpr_rewrite_reverse(data, &p, &b->addr, &r->vip, p.tuple.sport,
                        b->src_mac, b->mac, true);
    return tpr_hash_tuple(&p.tuple, 1);
}
END

if "$clang" -target bpf -ffreestanding -std=gnu11 -O2 -Wall -Wextra -Werror \
    -iquote "$TPR_SRCDIR/datapath-ext" -c "$dir/way.c" -o "$dir/way.o" \
    > "$dir/log" 2>&1
then
    echo "ok 1 - compiles for BPF"
else
    echo "not ok 1 - compiles for BPF"
    head -n 20 "$dir/log" | sed 's/^/# /'
fi

# Whatever is not inline would be an undefined symbol.
if "$clang" -target bpf -ffreestanding -std=gnu11 -O2 -S \
    -iquote "$TPR_SRCDIR/datapath-ext" "$dir/way.c" -o "$dir/way.s" \
    > "$dir/log" 2>&1 && ! grep -E '^[[:space:]]*call ' "$dir/way.s" > "$dir/log"
then
    echo "ok 2 - calls nobody"
else
    echo "not ok 2 - calls nobody"
    head -n 20 "$dir/log" | sed 's/^/# /'
fi
