// A flat, immutable reading of one XML document by libxml2: elements, attributes and text in four arrays.
//
// There is no network, no DTD and no entity expansion: any DOCTYPE ends the reading. Errors
// are kept in the result and never printed.
#ifndef CXML_H
#define CXML_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    CXML_OK = 0,
    CXML_MALFORMED = 1,
    CXML_DOCTYPE = 2,
    CXML_ENCODING = 3,
    CXML_TOO_LARGE = 4,
    CXML_TOO_DEEP = 5,
    CXML_TOO_MANY_NODES = 6,
    CXML_TOO_MANY_ATTRIBUTES = 7,
    CXML_TEXT_TOO_LONG = 8,
    CXML_NO_MEMORY = 9,
} cxml_status;

typedef struct {
    size_t bytes_max;
    int32_t depth_max;
    int32_t nodes_max;
    int32_t attributes_max;   // of one element, namespace declarations included
    size_t text_max;          // UTF-8 bytes of one element's text or one attribute
} cxml_limits;

// -1 stands for none. Text is the element's own character data; an element with children has none.
typedef struct {
    int32_t name;
    int32_t parent;
    int32_t first_child;
    int32_t next_sibling;
    uint32_t text_start;
    uint32_t text_length;
    int32_t line;
    int32_t column;
    int32_t attribute_start;
    int32_t attribute_count;
} cxml_node;

typedef struct {
    int32_t name;
    uint32_t value_start;
    uint32_t value_length;
} cxml_attribute;

// Both parts stand in the name pool.
typedef struct {
    uint32_t local_start;
    uint32_t local_length;
    uint32_t space_start;
    uint32_t space_length;
} cxml_name;

typedef struct {
    cxml_status status;
    int32_t error_line;
    int32_t error_column;
    char error_message[240];

    cxml_node *nodes;
    int32_t node_count;
    cxml_attribute *attributes;
    int32_t attribute_count;
    cxml_name *names;
    int32_t name_count;
    uint8_t *text;
    size_t text_length;
    uint8_t *name_text;
    size_t name_text_length;
} cxml_tree;

// Reads `length` bytes into `tree`; the answer is `tree->status`. `cxml_free` must follow in every case.
cxml_status cxml_read(const uint8_t *bytes, size_t length, const cxml_limits *limits, cxml_tree *tree);
void cxml_free(cxml_tree *tree);

// Loads what converting from the accepted encodings needs, so that a process without access to files can still read them.
void cxml_prepare(void);

// The version of libxml2 in use, as `20914`.
const char *cxml_library_version(void);

#endif
