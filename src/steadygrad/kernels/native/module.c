/* steadygrad.kernels._kernels: addresses and sizes in, numbers out. Callers vouch for the addresses. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <string.h>

#include "draw_python.h"
#include "statistics.h"

/* Below this many entries starting threads costs more than it saves. */
#define WORTH_SHARING (1 << 20)
/* Below this many entries letting other Python threads run meanwhile costs more than it saves. */
#define WORTH_LEAVING (1 << 14)

static int integers(PyObject *const *args, Py_ssize_t given, int wanted, long long *out) {
    if (given < wanted) {
        PyErr_Format(PyExc_TypeError, "expected at least %d arguments, got %zd", wanted, given);
        return -1;
    }
    for (int i = 0; i < wanted; i++)
        if ((out[i] = PyLong_AsLongLong(args[i])) == -1 && PyErr_Occurred()) return -1;
    return 0;
}

static int known(long long type) {
    if (type >= 0 && type < NUMBERS) return 1;
    PyErr_Format(PyExc_ValueError, "number type must be 0 to 3, got %lld", type);
    return 0;
}

/* The row of 8-byte numbers that `read` returns begins with these. */
typedef struct {
    int64_t odd, n;
    double sum, square, largest;
    int64_t zeros, nan, posinf, neginf;
} Row;

static int fill(Row *row, const long long *in, double low, double high) {
    const void *data = (const void *)(intptr_t)in[0];
    const int64_t n = in[1] * in[2] * in[3], units = in[2];
    const enum number type = (enum number)in[4];
    const int threads = n < WORTH_SHARING ? 1 : (int)in[5];
    Elements found;
    Magnitudes *bins = (Magnitudes *)(row + 1);
    if (statistics_elements(data, n, type, threads, &found, in[6] & 1 ? bins : NULL)) return -1;
    *row = (Row){found.nan + found.posinf + found.neginf > 0, n, found.sum, found.square, found.largest,
                 found.zeros, found.nan, found.posinf, found.neginf};
    if (!(in[6] & 2)) return 0;
    double *reals = (double *)(in[6] & 1 ? (void *)(bins + 1) : (void *)bins);
    int64_t *whole = (int64_t *)(reals + 3 * units);
    memset(reals, 0, (size_t)units * 64);
    if (!n) return 0;
    Units job = {data, in[1], units, in[3], low, high, low > -HUGE_VAL || high < HUGE_VAL, reals, reals + units, reals + 2 * units, whole,
                 whole + units, whole + 2 * units, whole + 3 * units, (uint64_t *)(whole + 4 * units), NULL, 0};
    return statistics_units(&job, type, threads);
}

static PyObject *py_read(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[7]; /* address, outer, units, inner, number type, threads, parts */
    (void)self;
    if (integers(args, given, 7, in) || !known(in[4])) return NULL;
    const double low = given > 8 ? PyFloat_AsDouble(args[7]) : -HUGE_VAL, high = given > 8 ? PyFloat_AsDouble(args[8]) : HUGE_VAL;
    if (PyErr_Occurred()) return NULL;
    const size_t size = sizeof(Row) + (in[6] & 1 ? sizeof(Magnitudes) : 0) + (in[6] & 2 ? (size_t)in[2] * 64 : 0);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!bytes) return NULL;
    Row *row = (Row *)PyBytes_AsString(bytes);
    int failed;
    if (in[1] * in[2] * in[3] < WORTH_LEAVING) {
        failed = fill(row, in, low, high);
    } else {
        PyThreadState *state = PyEval_SaveThread();
        failed = fill(row, in, low, high);
        PyEval_RestoreThread(state);
    }
    if (!failed) return bytes;
    Py_DECREF(bytes);
    return PyErr_NoMemory();
}

static PyObject *py_squares(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[4]; /* address, samples, entries of each, number type */
    (void)self;
    if (integers(args, given, 4, in) || !known(in[3])) return NULL;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(in[1] * 8));
    if (!bytes) return NULL;
    double *out = (double *)PyBytes_AsString(bytes);
    PyThreadState *state = PyEval_SaveThread();
    statistics_squares((const void *)(intptr_t)in[0], in[1], in[2], (enum number)in[3], out);
    PyEval_RestoreThread(state);
    return bytes;
}

static PyObject *py_prepare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long most;
    (void)self;
    if (integers(args, given, 1, &most)) return NULL;
    return PyLong_FromLong(statistics_prepare((int)most));
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))py_read, METH_FASTCALL,
     "read(address, outer, units, inner, type, threads, parts[, low, high]) -> bytes, a row of 8-byte numbers: whether\n"
     "anything is not finite, n, sum, square, absmax, zeros, nan, posinf, neginf; with parts & 1 the 279 counts of\n"
     "magnitudes, zeros, not finite, at least 65504; with parts & 2 `units` numbers each of sum, square, absmax, zeros,\n"
     "not finite, outside, varies, hash"},
    {"squares", (PyCFunction)(void (*)(void))py_squares, METH_FASTCALL,
     "squares(address, samples, entries, type) -> bytes, sum of squares of the finite entries of each sample"},
    {"prepare", (PyCFunction)(void (*)(void))py_prepare, METH_FASTCALL,
     "prepare(most) -> level: instruction set to use, at most `most` (0 plain, 1 AVX2, 2 AVX-512)"},
    {"draw", (PyCFunction)(void (*)(void))py_draw, METH_FASTCALL,
     "draw(address, rows, run, start, stride, seed low, seed high, key low, key high, kind, type, first, span, threads,\n"
     "scale, mean): fills rows * run entries; row r is entries start + r * stride ... of the tensor"},
    {"draw_prepare", (PyCFunction)(void (*)(void))py_draw_prepare, METH_FASTCALL,
     "draw_prepare(address of the 2048 segments, most) -> level: instruction set to use, as for prepare"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernels", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void) {
    statistics_prepare(2);
    return PyModule_Create(&definition);
}
