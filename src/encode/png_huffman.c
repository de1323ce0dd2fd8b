#include "encode/png_huffman.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 15 };

/* A leaf's symbol is the index in its tree's |leaves|; what is merged of two comes behind. */
typedef struct tree {
    size_t leaf_count;
    uint16_t symbols[TB__HUFFMAN_SYMBOLS]; /* rising by their counts */
    uint32_t weights[2 * TB__HUFFMAN_SYMBOLS];
    uint16_t parents[2 * TB__HUFFMAN_SYMBOLS];
} tree;

/* One pass of a radix sort, by 9 bits of the counts. */
static void sort_pass(uint16_t *to, const uint16_t *from, size_t n, const uint32_t *counts,
                      unsigned shift)
{
    uint16_t starts[513] = {0};
    for (size_t i = 0; i < n; i++)
        starts[(counts[from[i]] >> shift & 511) + 1]++;
    for (size_t i = 1; i < 512; i++)
        starts[i] = (uint16_t)(starts[i] + starts[i - 1]);
    for (size_t i = 0; i < n; i++)
        to[starts[counts[from[i]] >> shift & 511]++] = from[i];
}

static void plant_leaves(tree *t, const uint32_t *counts, size_t symbols)
{
    uint16_t used[TB__HUFFMAN_SYMBOLS], half_sorted[TB__HUFFMAN_SYMBOLS];
    size_t n = 0;
    for (size_t i = 0; i < symbols; i++)
        if (counts[i] != 0)
            used[n++] = (uint16_t)i;
    for (uint16_t i = 0; n < 2; i++) /* those that are missing come first */
        if (counts[i] == 0) {
            memmove(used + 1, used, n * sizeof *used);
            used[0] = i;
            n++;
        }
    uint32_t all_bits = 0;
    for (size_t i = 0; i < n; i++)
        all_bits |= counts[used[i]];
    if (all_bits < 512) { /* a little picture */
        sort_pass(t->symbols, used, n, counts, 0);
    } else {
        sort_pass(half_sorted, used, n, counts, 0);
        sort_pass(t->symbols, half_sorted, n, counts, 9);
    }
    t->leaf_count = n;
    for (size_t i = 0; i < n; i++)
        t->weights[i] = counts[t->symbols[i]];
}

/* Merges the two lightest until one is left.  What is merged gets heavier with each step, so the
 * lightest is the next leaf or the next of the merged. */
static void merge(tree *t)
{
    size_t leaf = 0, merged = t->leaf_count;
    for (size_t next = t->leaf_count; next < 2 * t->leaf_count - 1; next++) {
        t->weights[next] = 0;
        for (int i = 0; i < 2; i++) {
            bool is_leaf = leaf < t->leaf_count &&
                           (merged == next || t->weights[leaf] <= t->weights[merged]);
            size_t lightest = is_leaf ? leaf++ : merged++;
            t->weights[next] += t->weights[lightest];
            t->parents[lightest] = (uint16_t)next;
        }
    }
}

/* How many leaves have which depth, with those beyond |longest| at |longest|. */
static void count_depths(uint32_t *depth_counts, const tree *t, unsigned longest)
{
    uint16_t depths[2 * TB__HUFFMAN_SYMBOLS];
    size_t root = 2 * t->leaf_count - 2;
    depths[root] = 0;
    for (size_t i = root; i-- > 0;) {
        depths[i] = (uint16_t)(depths[t->parents[i]] + 1);
        if (i < t->leaf_count)
            depth_counts[depths[i] < longest ? depths[i] : longest]++;
    }
}

/* Makes room for what was cut off at |longest|: a leaf of the next lesser depth goes down one, and
 * takes one of the deepest beside it. */
static void make_room(uint32_t *depth_counts, unsigned longest)
{
    uint32_t taken = 0;
    for (unsigned depth = 1; depth <= longest; depth++)
        taken += depth_counts[depth] << (longest - depth);
    for (; taken > 1U << longest; taken--) {
        unsigned depth = longest - 1;
        while (depth_counts[depth] == 0)
            depth--;
        depth_counts[depth]--;
        depth_counts[depth + 1] += 2;
        depth_counts[longest]--;
    }
}

void tb__huffman_lengths(tb__huffman_code *codes, const uint32_t *counts, size_t symbols,
                         unsigned longest)
{
    tree t;
    uint32_t depth_counts[LONGEST + 1] = {0};
    plant_leaves(&t, counts, symbols);
    merge(&t);
    count_depths(depth_counts, &t, longest);
    make_room(depth_counts, longest);
    memset(codes, 0, symbols * sizeof *codes);
    size_t leaf = 0;
    for (unsigned depth = longest; depth > 0; depth--)
        for (uint32_t i = 0; i < depth_counts[depth]; i++)
            codes[t.symbols[leaf++]].length = (uint16_t)depth;
}

static uint16_t reverse(uint32_t bits, unsigned length)
{
    bits = (bits & 0x5555) << 1 | (bits >> 1 & 0x5555);
    bits = (bits & 0x3333) << 2 | (bits >> 2 & 0x3333);
    bits = (bits & 0x0f0f) << 4 | (bits >> 4 & 0x0f0f);
    bits = (bits & 0x00ff) << 8 | (bits >> 8 & 0x00ff);
    return (uint16_t)(bits >> (16 - length));
}

void tb__huffman_bits(tb__huffman_code *codes, size_t symbols)
{
    uint32_t length_counts[LONGEST + 1] = {0}, next[LONGEST + 1] = {0};
    for (size_t i = 0; i < symbols; i++)
        length_counts[codes[i].length]++;
    length_counts[0] = 0;
    for (unsigned length = 1; length <= LONGEST; length++)
        next[length] = (next[length - 1] + length_counts[length - 1]) << 1;
    for (size_t i = 0; i < symbols; i++)
        codes[i].bits = reverse(next[codes[i].length]++, codes[i].length);
}
