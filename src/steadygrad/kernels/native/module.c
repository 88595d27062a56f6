/* steadygrad.kernels._kernels: addresses and sizes in, numbers out. Callers vouch for the addresses. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

#include "draw_python.h"
#include "statistics.h"

/* Below this many entries starting threads costs more than it saves. */
#define WORTH_SHARING (1 << 20)

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

static PyObject *histogram(const Magnitudes *found, long long n) {
    PyObject *counts = PyTuple_New(BINS);
    for (int bin = 0; counts && bin < BINS; bin++) {
        PyObject *count = PyLong_FromLongLong(found->bins[bin]);
        if (!count || PyTuple_SetItem(counts, bin, count)) Py_CLEAR(counts);
    }
    if (!counts) return NULL;
    return Py_BuildValue("NLLLL", counts, n, (long long)found->zeros, (long long)found->nonfinite,
                         (long long)found->large);
}

static PyObject *py_elements(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[5]; /* address, entries, number type, threads, whether the histogram is wanted */
    Elements found;
    Magnitudes bins;
    (void)self;
    if (integers(args, given, 5, in) || !known(in[2])) return NULL;
    PyThreadState *state = PyEval_SaveThread();
    const int failed = statistics_elements((const void *)(intptr_t)in[0], in[1], (enum number)in[2],
                                           in[1] < WORTH_SHARING ? 1 : (int)in[3], &found, in[4] ? &bins : NULL);
    PyEval_RestoreThread(state);
    if (failed) return PyErr_NoMemory();
    PyObject *moments = Py_BuildValue("LdddLLLL", in[1], found.sum, found.square, found.largest, (long long)found.zeros,
                                      (long long)found.nan, (long long)found.posinf, (long long)found.neginf);
    if (!moments || !in[4]) return moments;
    PyObject *magnitudes = histogram(&bins, in[1]);
    if (!magnitudes) Py_CLEAR(moments);
    return moments ? Py_BuildValue("NN", moments, magnitudes) : NULL;
}

static PyObject *py_units(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[7]; /* address, outer, units, inner, number type, threads, address of 8 zeroed rows of `units` */
    (void)self;
    if (integers(args, given, 7, in) || !known(in[4])) return NULL;
    if (given != 9) {
        PyErr_Format(PyExc_TypeError, "expected 9 arguments, got %zd", given);
        return NULL;
    }
    const double low = PyFloat_AsDouble(args[7]), high = PyFloat_AsDouble(args[8]);
    if (PyErr_Occurred()) return NULL;
    double *reals = (double *)(intptr_t)in[6];
    int64_t *whole = (int64_t *)(reals + 3 * in[2]);
    const int64_t n = in[2];
    Units job = {(const void *)(intptr_t)in[0], in[1], n, in[3], low, high, low > -HUGE_VAL || high < HUGE_VAL, reals, reals + n, reals + 2 * n, whole,
                 whole + n, whole + 2 * n, whole + 3 * n, (uint64_t *)(whole + 4 * n), NULL, 0};
    PyThreadState *state = PyEval_SaveThread();
    const int failed = statistics_units(&job, (enum number)in[4], in[1] * n * in[3] < WORTH_SHARING ? 1 : (int)in[5]);
    PyEval_RestoreThread(state);
    if (failed) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *py_prepare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long most;
    (void)self;
    if (integers(args, given, 1, &most)) return NULL;
    return PyLong_FromLong(statistics_prepare((int)most));
}

static PyMethodDef methods[] = {
    {"elements", (PyCFunction)(void (*)(void))py_elements, METH_FASTCALL,
     "elements(address, n, type, threads, histogram) -> (n, sum, square, absmax, zeros, nan, posinf, neginf), or with\n"
     "histogram: a pair of that and (counts, n, zeros, not finite, at least 65504)"},
    {"units", (PyCFunction)(void (*)(void))py_units, METH_FASTCALL,
     "units(address, outer, units, inner, type, threads, out, low, high): fills `out`, 8 zeroed rows of 8-byte numbers"},
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
