/* draw(...) of the extension module: numbers in, entries at an address. The caller vouches for the address. */
#define PY_SSIZE_T_CLEAN
#include "draw_python.h"

#include "draw.h"

/* Below this many entries starting threads costs more than it saves. */
#define WORTH_SHARING (1 << 18)

PyObject *py_draw(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    /* address, rows, run, start, stride, seed low, seed high, key low, key high, kind, type, first, span, threads */
    long long in[14];
    (void)self;
    if (given != 16) {
        PyErr_Format(PyExc_TypeError, "expected 16 arguments, got %zd", given);
        return NULL;
    }
    for (int i = 0; i < 14; i++)
        if ((in[i] = PyLong_AsLongLong(args[i])) == -1 && PyErr_Occurred()) return NULL;
    const double scale = PyFloat_AsDouble(args[14]), mean = PyFloat_AsDouble(args[15]);
    if (PyErr_Occurred()) return NULL;
    if (in[9] < 0 || in[9] >= DRAW_KINDS || in[10] < 0 || in[10] >= DRAW_TYPES) {
        PyErr_Format(PyExc_ValueError, "kind and type must be below %d and %d, got %lld and %lld", DRAW_KINDS, DRAW_TYPES, in[9], in[10]);
        return NULL;
    }
    const Draw job = {(void *)(intptr_t)in[0], in[1], in[2], (uint64_t)in[3], (uint64_t)in[4],
                      (uint64_t)in[6] << 32 | (uint64_t)in[5], {(uint32_t)in[7], (uint32_t)in[8]},
                      (enum draw_kind)in[9], (enum draw_type)in[10], (uint32_t)in[11], (uint32_t)in[12], scale, mean};
    PyThreadState *state = PyEval_SaveThread();
    draw_entries(&job, in[1] * in[2] < WORTH_SHARING ? 1 : (int)in[13]);
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

PyObject *py_draw_prepare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    (void)self;
    if (given != 2) {
        PyErr_Format(PyExc_TypeError, "expected 2 arguments, got %zd", given);
        return NULL;
    }
    const long long table = PyLong_AsLongLong(args[0]), most = PyLong_AsLongLong(args[1]);
    if (PyErr_Occurred()) return NULL;
    draw_prepare((const uint64_t *)(intptr_t)table);
    return PyLong_FromLong(draw_choose((int)most));
}
