/* lexer.h - text of a configuration to lines of words (manual 2.1 to 2.3). Knows nothing of
 * keywords. */
#ifndef CONFIG_LEXER_H
#define CONFIG_LEXER_H

#include "config/cfg.h"

/** Words on a line; HAProxy's limit. */
#define LEX_WORDS_MAX 64
/** Bytes of a line with its continuations: one that is longer is a damaged file. */
#define LEX_LINE_MAX (4u << 20)

/** One line of the file. */
struct lex_raw {
    char *text; /* NUL-terminated, without LF and CR */
    size_t len;
    unsigned number; /* 1-based */
};

enum lex_rc {
    LEX_LINE, /* words are ready, maybe none */
    LEX_BAD,  /* the line is broken: err tells; call again for the next line */
    LEX_END,
};

struct lex_err {
    char text[256];            /* HAProxy's words, ending in ':' when an excerpt follows */
    char hint[400];            /* or empty */
    const struct lex_raw *raw; /* the line it is on */
    unsigned col, col_end;     /* 1-based; 0: the whole line */
};

struct lexer {
    /* input */
    char *at, *end;  /* what is left; writable, lines get NUL-terminated in place */
    unsigned line;   /* number of the last line read */
    bool missing_lf; /* the last line had none */

    /* values of the pseudo-variables */
    const char *file, *section;

    /* the current line */
    struct arena *arena;
    struct lex_raw *raws; /* its physical lines; [nraws], at least one */
    unsigned nraws, raws_size;
    struct cfg_word words[LEX_WORDS_MAX];
    unsigned nwords;
    struct text joined; /* all raws, when there are several */
    struct lex_err err;

    /* the word being built */
    struct text buf;               /* words of the line, each NUL-terminated */
    size_t offsets[LEX_WORDS_MAX]; /* of words in buf */
    size_t word_at;                /* offset of the current one */
    unsigned word_col;
    bool in_word, word_quoted, word_list; /* word_list: "${X[*]}" gave nothing: no empty argument */
    char unset[64];                       /* the variable that made a word empty, for the hint */
};

/** `text` is `len` bytes that the lexer may write to, with one more byte of room behind. Borrowed
 * until lexer_fini(). */
void lexer_init(struct lexer *x, struct arena *arena, const char *file, char *text, size_t len);
void lexer_fini(struct lexer *x);
/** Reads one line with its continuations. Words live in the arena. */
enum lex_rc lexer_next(struct lexer *x);
/** The whole line as one text, NUL-terminated; valid until the next call. */
const char *lexer_raw(struct lexer *x);
/** The physical line of `number`, among those of the current line. */
const struct lex_raw *lexer_raw_line(const struct lexer *x, unsigned number);

#endif
