/* steadygrad.kernels._kernels: addresses and sizes in, numbers out. Callers vouch for the addresses. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dlpack.h"
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

/* Counts take 4 bytes, 8 where there may be more: rows are kept by the hundred until somebody asks. */
static int count_size(long long most) { return most >> 32 ? 8 : 4; }

static uint8_t *put_counts(uint8_t *out, const int64_t *counts, int64_t n, int size) {
    for (int64_t k = 0; k < n; k++, out += size)
        if (size == 8) memcpy(out, counts + k, 8);
        else *(uint32_t *)(void *)out = (uint32_t)counts[k];
    return out;
}

/* Sums (unless they were declined) and hashes, then as counts zeros, those not finite when there are any, those outside when there are limits. */
static uint8_t *put_units(uint8_t *out, const long long *in, double low, double high, int odd, int threads) {
    const int64_t units = in[2];
    const int limited = low > -HUGE_VAL || high < HUGE_VAL, size = count_size(in[1] * in[3]);
    double *reals = calloc((size_t)units + 1, 64);
    if (!reals) return NULL;
    int64_t *whole = (int64_t *)(reals + 3 * units);
    Units job = {(const void *)(intptr_t)in[0], in[1], units, in[3], low, high, limited, reals, reals + units, reals + 2 * units, whole,
                 whole + units, whole + 2 * units, whole + 3 * units, (uint64_t *)(whole + 4 * units), NULL, 0};
    if (in[1] * units * in[3] > 0 && statistics_units(&job, (enum number)in[4], threads)) {
        free(reals);
        return NULL;
    }
    if (!(in[6] & 4)) memcpy(out, reals, (size_t)units * 24), out += units * 24;
    memcpy(out, job.hash, (size_t)units * 8), out += units * 8;
    out = put_counts(out, job.zeros, units, size);
    if (odd) out = put_counts(out, job.nonfinite, units, size);
    if (limited) out = put_counts(out, job.outside, units, size);
    for (int64_t k = 0; k < units; k++) *out++ = (uint8_t)job.varies[k];
    free(reals);
    return out;
}

/* Bytes written to `row`, which has room for all that may be; -1 when memory ran out. */
static Py_ssize_t fill(uint8_t *row, const long long *in, double low, double high) {
    const int64_t n = in[1] * in[2] * in[3];
    const int threads = n < WORTH_SHARING ? 1 : (int)in[5];
    Elements found;
    Magnitudes bins;
    if (statistics_elements((const void *)(intptr_t)in[0], n, (enum number)in[4], threads, &found, in[6] & 1 ? &bins : NULL)) return -1;
    const Row head = {found.nan + found.posinf + found.neginf > 0, n, found.sum, found.square, found.largest,
                      found.zeros, found.nan, found.posinf, found.neginf};
    uint8_t *out = row + sizeof(Row);
    memcpy(row, &head, sizeof head);
    if (in[6] & 1) out = put_counts(out, bins.bins, BINS + 3, count_size(n)); /* the three totals lie behind the bins */
    if (in[6] & 2) out = put_units(out, in, low, high, (int)head.odd, threads);
    return out ? out - row : -1;
}

static PyObject *row_of(const long long *in, double low, double high) {
    const long long n = in[1] * in[2] * in[3];
    const size_t most = sizeof(Row) + (in[6] & 1 ? (BINS + 3) * (size_t)count_size(n) : 0) +
                        (in[6] & 2 ? (size_t)in[2] * ((in[6] & 4 ? 9 : 33) + 3 * (size_t)count_size(in[1] * in[3])) : 0);
    uint8_t *row = malloc(most); /* and not the bytes themselves: shrunk, each would leave a hole behind it for the whole step */
    Py_ssize_t written = -1;
    if (row && n < WORTH_LEAVING) {
        written = fill(row, in, low, high);
    } else if (row) {
        PyThreadState *state = PyEval_SaveThread();
        written = fill(row, in, low, high);
        PyEval_RestoreThread(state);
    }
    PyObject *bytes = written < 0 ? PyErr_NoMemory() : PyBytes_FromStringAndSize((const char *)row, written);
    free(row);
    return bytes;
}

static PyObject *py_read(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[7]; /* address, outer, units, inner, number type, threads, parts */
    (void)self;
    if (integers(args, given, 7, in) || !known(in[4])) return NULL;
    const double low = given > 8 ? PyFloat_AsDouble(args[7]) : -HUGE_VAL, high = given > 8 ? PyFloat_AsDouble(args[8]) : HUGE_VAL;
    return PyErr_Occurred() ? NULL : row_of(in, low, high);
}

/* ---- tensors, looked at where they lie ---------------------------------------------------------------------------- */

static PyObject *plain_types, *threads_of, *is_neg; /* told by `introduce`, but for the name */
static DLPackView view;

static void keep(PyObject **kept, PyObject *value) {
    PyObject *old = *kept;
    Py_INCREF(value);
    *kept = value;
    Py_XDECREF(old);
}

static PyObject *py_introduce(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    (void)self;
    if (given != 3) return PyErr_Format(PyExc_TypeError, "expected 3 arguments, got %zd", given);
    const DLPackExchange *exchange = args[2] == Py_None ? NULL : PyCapsule_GetPointer(args[2], DLPACK_EXCHANGE);
    if (!exchange && args[2] != Py_None) return NULL;
    view = exchange && exchange->version.major == DLPACK_MAJOR ? exchange->view : NULL;
    keep(&plain_types, args[0]), keep(&threads_of, args[1]);
    Py_RETURN_NONE;
}

/* The number type, or -1 for those that are not read. */
static int type_of(const DLTensor *tensor) {
    const int bits = tensor->dtype.lanes == 1 ? tensor->dtype.bits : 0;
    if (tensor->dtype.code == DLPACK_BFLOAT) return bits == 16 ? BFLOAT16 : -1;
    if (tensor->dtype.code != DLPACK_FLOAT) return -1;
    return bits == 32 ? FLOAT32 : bits == 64 ? FLOAT64 : bits == 16 ? FLOAT16 : -1;
}

/* Entries when they lie row after row, -1 when not. */
static int64_t contiguous(const DLTensor *tensor) {
    int64_t n = 1;
    for (int axis = tensor->ndim; axis--; n *= tensor->shape[axis])
        if (tensor->strides && tensor->shape[axis] != 1 && tensor->strides[axis] != n) return -1;
    return n;
}

/* 1 and the first fields of `in`, when the kernel can read the tensor as it lies in memory; 0 when not; -1 on errors. */
static int readable(PyObject *tensor, long long *in) {
    DLTensor seen;
    const int plain = view ? PySequence_Contains(plain_types, (PyObject *)Py_TYPE(tensor)) : 0;
    if (plain < 1) return plain;
    if (view(tensor, &seen)) { /* sparse, nested, on meta: no memory of its own */
        PyErr_Clear();
        return 0;
    }
    in[1] = in[2] = in[5] = 1, in[3] = contiguous(&seen), in[4] = type_of(&seen);
    if (seen.device.type != DLPACK_CPU || in[4] < 0 || in[3] < 0) return 0;
    PyObject *negated = PyObject_CallMethodObjArgs(tensor, is_neg, NULL);
    Py_XDECREF(negated); /* compared as a singleton, which lives on */
    if (negated != Py_False) return negated ? 0 : -1;
    in[0] = (long long)((intptr_t)seen.data + (intptr_t)seen.byte_offset);
    if (in[3] < WORTH_SHARING) return 1;
    PyObject *threads = PyObject_CallObject(threads_of, NULL);
    in[5] = threads ? PyLong_AsLongLong(threads) : -1;
    Py_XDECREF(threads);
    return PyErr_Occurred() ? -1 : 1;
}

static PyObject *py_elements(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[7]; /* as for read */
    (void)self;
    if (given != 2) return PyErr_Format(PyExc_TypeError, "expected 2 arguments, got %zd", given);
    const int fits = readable(args[0], in);
    if (fits < 0) return NULL;
    if (!fits) Py_RETURN_NONE;
    in[6] = PyObject_IsTrue(args[1]);
    return row_of(in, -HUGE_VAL, HUGE_VAL);
}

static PyObject *py_note(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    (void)self;
    if (given != 5) return PyErr_Format(PyExc_TypeError, "expected 5 arguments, got %zd", given);
    PyObject *const two[2] = {args[4], args[2]};
    PyObject *found = py_elements(NULL, two, 2);
    if (found == Py_None) {
        Py_DECREF(found);
        found = PyObject_CallFunctionObjArgs(args[3], args[4], args[2], NULL);
    }
    const int failed = !found || PyDict_SetItem(args[0], args[1], found);
    Py_XDECREF(found);
    if (failed) return NULL;
    Py_RETURN_NONE;
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
     "anything is not finite, n, sum, square, absmax, zeros, nan, posinf, neginf. Counts that follow take 4 bytes, 8 from\n"
     "2^32 entries on. With parts & 1 the 279 of magnitudes, zeros, not finite, at least 65504; with parts & 2 for each\n"
     "unit sum, square, absmax, hash, as counts zeros, not finite (when anything is), outside (with limits), and in a byte\n"
     "whether it varies"},
    {"introduce", (PyCFunction)(void (*)(void))py_introduce, METH_FASTCALL,
     "introduce(types, threads, exchange): the tensor types read in place, who tells how many threads to use, and their\n"
     "__dlpack_c_exchange_api__; without one (None) no tensor is read in place"},
    {"elements", (PyCFunction)(void (*)(void))py_elements, METH_FASTCALL,
     "elements(tensor, magnitudes) -> bytes, as `read` with parts 0 or 1; None when it cannot be read in place"},
    {"note", (PyCFunction)(void (*)(void))py_note, METH_FASTCALL,
     "note(found, key, magnitudes, otherwise, tensor): found[key] = elements(tensor, magnitudes), or what\n"
     "otherwise(tensor, magnitudes) returns when that is None"},
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
    if (!(is_neg = PyUnicode_InternFromString("is_neg"))) return NULL;
    statistics_prepare(2);
    return PyModule_Create(&definition);
}
