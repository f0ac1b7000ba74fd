/* Huber loss in C, for double and float, checked by
 *
 *   cc -O2 -std=c99 -D_POSIX_C_SOURCE=200809L -o huber examples/c/huber.c -lm
 *   lossproof check ./huber --loss huber --backend program
 *
 * With r = prediction - target: r * r / 2 where |r| <= delta, else delta * (|r| - delta / 2).
 * Numbers come and go as hexadecimal floats, which strtod and %a read and write exactly. */

#include <math.h>
#include <stdio.h>

#include "json.h"

#define HUBER(REAL, ABS, NAME)                                                              \
    static REAL NAME##_loss(REAL prediction, REAL target, REAL delta) {                     \
        REAL size = ABS(prediction - target);                                               \
        REAL near = size > delta ? delta : size; /* nan stays nan */                        \
        return near * (size - near / 2);                                                    \
    }                                                                                       \
    static REAL NAME##_slope(REAL prediction, REAL target, REAL delta) {                    \
        REAL r = prediction - target;                                                       \
        return r > delta ? delta : r < -delta ? -delta : r;                                 \
    }
HUBER(double, fabs, wide)
HUBER(float, fabsf, narrow)

/* in pairs: the error grows with the logarithm of the number of terms */
static double total(const double *x, size_t n) {
    double sum = 0;
    if (n > 8) return total(x, n / 2) + total(x + n / 2, n - n / 2);
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

/* the numbers of an array, each exact in double */
static double *numbers(Node *array, size_t n) {
    double *x = malloc((n + 1) * sizeof *x);
    Node *node = get(array, "hex")->first;
    for (size_t i = 0; i < n; i++, node = node->next) x[i] = strtod(node->text, NULL);
    return x;
}

static void print_array(const char *dtype, Node *shape, const double *x, size_t n) {
    printf("{\"dtype\":\"%s\",\"shape\":[", dtype);
    for (Node *size = shape ? shape->first : NULL; size; size = size->next)
        printf("%ld%s", strtol(size->text, NULL, 10), size->next ? "," : "");
    printf("],\"hex\":[");
    for (size_t i = 0; i < n; i++) printf("%s\"%a\"", i ? "," : "", x[i]);
    printf("]}");
}

static int same(Node *a, Node *b) {
    for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
        if (strtol(a->text, NULL, 10) != strtol(b->text, NULL, 10)) return 0;
    return a == b;
}

static void answer(Node *request) {
    Node *arguments = get(request, "arguments"), *options = get(request, "options");
    Node *left = get(arguments, "prediction"), *right = get(arguments, "target");
    Node *shape = get(left, "shape"), *upstream = get(request, "cotangent");
    const char *dtype = get(request, "dtype")->text, *reduction = get(options, "reduction")->text;
    int narrow = strcmp(dtype, "float32") == 0, each = strcmp(reduction, "none") == 0;
    int mean = strcmp(reduction, "mean") == 0;
    double delta = strtod(get(options, "delta")->text, NULL);
    if (!(delta > 0)) {
        printf("{\"error\":\"delta must be positive, got %g\"}\n", delta);
        return;
    }
    if (!each && !mean && strcmp(reduction, "sum") != 0) {
        printf("{\"error\":\"reduction must be none, sum or mean, got %s\"}\n", reduction);
        return;
    }
    if (!same(shape, get(right, "shape"))) {
        printf("{\"error\":\"prediction and target differ in shape\"}\n");
        return;
    }
    size_t n = count(get(left, "hex"));
    double *p = numbers(left, n), *t = numbers(right, n), *y = malloc((n + 1) * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = narrow ? narrow_loss((float)p[i], (float)t[i], (float)delta)
                      : wide_loss(p[i], t[i], delta);
    if (!each) {
        double sum = narrow ? (float)total(y, n) : total(y, n);
        y[0] = mean ? sum / (double)n : sum;
        if (narrow) y[0] = (float)y[0];
    }
    printf("{\"value\":");
    print_array(dtype, each ? shape : NULL, y, each ? n : 1);
    printf(",\"gradients\":{");
    if (upstream->kind == '{') {
        double *c = numbers(upstream, each ? n : 1);
        Node *name = get(request, "differentiate")->first;
        for (; name; name = name->next) {
            double sign = strcmp(name->text, "target") == 0 ? -1 : 1;
            for (size_t i = 0; i < n; i++) {
                double share = mean ? c[0] / (double)n : c[each ? i : 0];
                y[i] = narrow ? (float)share * narrow_slope((float)p[i], (float)t[i], (float)delta)
                              : share * wide_slope(p[i], t[i], delta);
                y[i] *= sign;
            }
            printf("\"%s\":", name->text);
            print_array(dtype, shape, y, n);
            if (name->next) printf(",");
        }
        free(c);
    }
    printf("}}\n");
    free(p);
    free(t);
    free(y);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *at = line;
        Node *request = parse(&at), *op = get(request, "op");
        if (op && strcmp(op->text, "call") == 0)
            answer(request);
        else
            printf("{\"protocol\":1,\"name\":\"huber.c\",\"form\":\"hex\",\"losses\":{\"huber\":{"
                   "\"dtypes\":[\"float64\",\"float32\"],\"options\":[\"delta\"],"
                   "\"reductions\":[\"none\",\"sum\",\"mean\"],"
                   "\"gradient\":[\"prediction\",\"target\"],\"optional\":[]}}}\n");
        fflush(stdout);
        release(request);
    }
    free(line);
    return 0;
}
