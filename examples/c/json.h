/* A reader of JSON that is as small as a request needs: one tree for each line.
 * Strings are kept as they stand between their quotes; none of ours has an escape. */

#ifndef JSON_H
#define JSON_H

#include <stdlib.h>
#include <string.h>

typedef struct Node {
    char kind; /* '{' object, '[' array, '"' string, '0' number, 'n' null, true or false */
    char *name;
    char *text;
    struct Node *first, *next;
} Node;

static char *skip(char *at) { return at + strspn(at, " \t\r\n"); }

static void release(Node *node) {
    while (node) {
        Node *next = node->next;
        release(node->first);
        free(node);
        node = next;
    }
}

static Node *parse(char **at);

/* the members of an object or an array; 0 where it is not closed */
static int members(Node *parent, char **at, char close) {
    Node **last = &parent->first;
    *at = skip(*at + 1);
    while (**at && **at != close) {
        char *name = NULL;
        if (close == '}') {
            Node *key = parse(at);
            if (!key) return 0;
            name = key->text;
            release(key);
            *at = skip(*at);
            if (**at != ':') return 0;
            *at = skip(*at + 1);
        }
        if (!(*last = parse(at))) return 0;
        (*last)->name = name;
        last = &(*last)->next;
        *at = skip(*at);
        if (**at == ',') *at = skip(*at + 1);
    }
    return *(*at)++ == close;
}

/* The value that begins at *at, which is moved behind it. Writes '\0' over closing quotes.
 * NULL where there is none. */
static Node *parse(char **at) {
    Node *node = calloc(1, sizeof *node);
    int fine = 1;
    node->kind = **at;
    if (**at == '{') fine = members(node, at, '}');
    else if (**at == '[') fine = members(node, at, ']');
    else if (**at == '"') {
        node->text = *at + 1;
        *at = strchr(node->text, '"');
        if ((fine = *at != NULL)) *(*at)++ = '\0';
    } else {
        size_t length = strcspn(*at, ",]} \t\r\n");
        node->kind = strchr("-0123456789", **at) ? '0' : 'n';
        node->text = *at;
        *at += length;
        fine = length > 0;
    }
    if (fine) return node;
    release(node);
    return NULL;
}

/* the member of an object that bears a name, or NULL */
static Node *get(Node *object, const char *name) {
    Node *node = object ? object->first : NULL;
    while (node && strcmp(node->name, name) != 0) node = node->next;
    return node;
}

static size_t count(const Node *array) {
    size_t n = 0;
    for (const Node *node = array->first; node; node = node->next) n++;
    return n;
}

#endif
