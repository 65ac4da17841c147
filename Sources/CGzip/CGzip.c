#include "CGzip.h"

#include <stdlib.h>
#include <zlib.h>

uint64_t murmur_gunzip_begin(void) {
    z_stream *stream = calloc(1, sizeof(z_stream));
    if (!stream) return 0;
    // 15 for the largest window, 16 for a gzip header and nothing else.
    if (inflateInit2(stream, 15 + 16) != Z_OK) {
        free(stream);
        return 0;
    }
    return (uint64_t)(uintptr_t)stream;
}

struct murmur_gunzip_step murmur_gunzip(
    uint64_t state, const uint8_t *input, int64_t start, int64_t end, uint8_t *output, int64_t capacity) {
    struct murmur_gunzip_step step = {-1, 0, 0};
    z_stream *stream = (z_stream *)(uintptr_t)state;
    // zlib counts in 32 bits.
    if (!stream || start < 0 || end < start || end - start > INT32_MAX || capacity < 1 || capacity > INT32_MAX) return step;
    stream->next_in = (Bytef *)(input + start);
    stream->avail_in = (uInt)(end - start);
    stream->next_out = output;
    stream->avail_out = (uInt)capacity;
    const int result = inflate(stream, Z_NO_FLUSH);
    step.consumed = (end - start) - stream->avail_in;
    step.produced = capacity - stream->avail_out;
    switch (result) {
    case Z_STREAM_END: step.status = inflateReset(stream) == Z_OK ? 1 : -1; break;
    // Nothing to do with this input or this room is no fault.
    case Z_OK: case Z_BUF_ERROR: step.status = 0; break;
    case Z_MEM_ERROR: step.status = -2; break;
    default: step.status = -1;
    }
    return step;
}

void murmur_gunzip_end(uint64_t state) {
    z_stream *stream = (z_stream *)(uintptr_t)state;
    if (!stream) return;
    inflateEnd(stream);
    free(stream);
}
