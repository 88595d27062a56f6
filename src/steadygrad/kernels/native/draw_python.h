/* What draw_python.c gives the module. */
#ifndef STEADYGRAD_DRAW_PYTHON_H
#define STEADYGRAD_DRAW_PYTHON_H
#include <Python.h>

PyObject *py_draw(PyObject *self, PyObject *const *args, Py_ssize_t given);
PyObject *py_draw_prepare(PyObject *self, PyObject *const *args, Py_ssize_t given);
#endif
