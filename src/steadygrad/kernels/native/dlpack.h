/* What is needed of DLPack 1.x (dmlc.github.io/dlpack) to look at a tensor where it lies: the layout of its records is the standard's. */
#ifndef STEADYGRAD_DLPACK_H
#define STEADYGRAD_DLPACK_H
#include <stdint.h>

#define DLPACK_MAJOR 1
#define DLPACK_EXCHANGE "dlpack_exchange_api" /* name of the capsule `type.__dlpack_c_exchange_api__` */
#define DLPACK_CPU 1
#define DLPACK_FLOAT 2
#define DLPACK_BFLOAT 4

typedef struct {
    void *data;
    struct {
        int32_t type, id;
    } device;
    int32_t ndim;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    int64_t *shape, *strides; /* strides in entries; NULL means row after row */
    uint64_t byte_offset;
} DLTensor;

/* A record of the tensor that stays valid as long as the tensor; 0, or -1 with an exception where it has no such memory. */
typedef int (*DLPackView)(void *tensor, DLTensor *out);

typedef struct {
    struct {
        uint32_t major, minor;
    } version;
    void *older;
    void (*unused[3])(void); /* allocation, and exchange of owned tensors */
    DLPackView view;         /* may be NULL */
} DLPackExchange;
#endif
