/* steadygrad.lab.chain._chain: addresses and sizes in. Callers vouch for the addresses; other Python threads run meanwhile. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "chain.h"

static int integers(PyObject *const *args, Py_ssize_t given, int wanted, long long *out) {
    if (given < wanted) {
        PyErr_Format(PyExc_TypeError, "expected at least %d arguments, got %zd", wanted, given);
        return -1;
    }
    for (int i = 0; i < wanted; i++)
        if ((out[i] = PyLong_AsLongLong(args[i])) == -1 && PyErr_Occurred()) return -1;
    return 0;
}

#define FLOATS(address) ((float *)(intptr_t)(address))

static PyObject *py_prepare(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long most;
    (void)self;
    if (integers(args, given, 1, &most)) return NULL;
    return PyLong_FromLong(chain_prepare((int)most));
}

static PyObject *py_forward(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[8];
    (void)self;
    if (integers(args, given, 8, in)) return NULL;
    const Chain chain = {in[0], in[1], in[2]};
    PyThreadState *state = PyEval_SaveThread();
    chain_forward(chain, FLOATS(in[3]), FLOATS(in[4]), FLOATS(in[5]), in[6], in[7]);
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

static PyObject *py_backward(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[9];
    (void)self;
    if (integers(args, given, 9, in)) return NULL;
    const Chain chain = {in[0], in[1], in[2]};
    PyThreadState *state = PyEval_SaveThread();
    chain_backward(chain, FLOATS(in[3]), FLOATS(in[4]), FLOATS(in[5]), FLOATS(in[6]), in[7], in[8]);
    PyEval_RestoreThread(state);
    Py_RETURN_NONE;
}

static PyObject *py_update(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    long long in[13];
    double reals[3];
    (void)self;
    if (integers(args, given, 13, in)) return NULL;
    for (int i = 0; i < 3; i++) reals[i] = given > 13 + i ? PyFloat_AsDouble(args[13 + i]) : 0.0;
    if (PyErr_Occurred()) return NULL;
    const Chain chain = {in[0], in[1], in[2]};
    const Update update = {FLOATS(in[3]), FLOATS(in[4]), FLOATS(in[5]), FLOATS(in[6]), FLOATS(in[7]), (float)reals[0], (float)reals[1], (float)reals[2]};
    PyThreadState *state = PyEval_SaveThread();
    const int failed = chain_update(chain, update, FLOATS(in[8]), FLOATS(in[9]), (double *)(intptr_t)in[10], in[11], in[12]);
    PyEval_RestoreThread(state);
    if (failed) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"prepare", (PyCFunction)(void (*)(void))py_prepare, METH_FASTCALL,
     "prepare(most) -> level: instruction set to use, at most `most` (0 plain, 1 AVX2, 2 AVX-512)"},
    {"forward", (PyCFunction)(void (*)(void))py_forward, METH_FASTCALL,
     "forward(layers, width, batch, weights, biases, signals, from, to): columns of signals 1 ... layers"},
    {"backward", (PyCFunction)(void (*)(void))py_backward, METH_FASTCALL,
     "backward(layers, width, batch, weights, signals, slopes, gradient, from, to): columns of slopes; gradient of signal 0"},
    {"update", (PyCFunction)(void (*)(void))py_update, METH_FASTCALL,
     "update(layers, width, batch, weights, biases, momenta, bias momenta, rests or 0, signals, slopes, squares, first, last,\n"
     "rate, bias rate, momentum): layers first ... last - 1"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_chain", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__chain(void) {
    chain_prepare(2);
    return PyModule_Create(&definition);
}
