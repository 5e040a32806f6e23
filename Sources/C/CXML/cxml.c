#include "cxml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SLOTS_START 512

typedef struct {
    const xmlChar *local;   // from the parser's dictionary: equal names are equal pointers
    const xmlChar *space;
    int32_t id;
} name_slot;

typedef struct {
    xmlParserCtxtPtr parser;
    const cxml_limits *limits;
    cxml_tree *tree;

    int32_t open;            // the innermost open element, or -1
    int32_t depth;
    int32_t *last_child;     // per node, the child appended last
    int32_t node_room;
    int32_t attribute_room;
    int32_t name_room;
    size_t text_room;
    size_t name_text_room;
    name_slot *slots;
    size_t slot_count;
} reading;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void keep_quiet(void *context, const char *message, ...) {
    (void)context;
    (void)message;
}

static void start_library(void) {
    xmlInitParser();
}

static void fail(reading *r, cxml_status status, const char *message) {
    if (r->tree->status != CXML_OK) return;
    r->tree->status = status;
    r->tree->error_line = xmlSAX2GetLineNumber(r->parser);
    r->tree->error_column = xmlSAX2GetColumnNumber(r->parser);
    strncpy(r->tree->error_message, message, sizeof r->tree->error_message - 1);
    xmlStopParser(r->parser);
}

// Makes room for `needed` items of `size` bytes, doubling; false when memory is out.
static int reserve(void **items, size_t *room, size_t needed, size_t size) {
    if (needed <= *room) return 1;
    size_t next = *room ? *room * 2 : 256;
    while (next < needed) next *= 2;
    void *grown = realloc(*items, next * size);
    if (!grown) return 0;
    *items = grown;
    *room = next;
    return 1;
}

static int reserve32(void **items, int32_t *room, int32_t needed, size_t size) {
    size_t wide = (size_t)*room;
    if (!reserve(items, &wide, (size_t)needed, size)) return 0;
    *room = (int32_t)wide;
    return 1;
}

static int append_text(reading *r, const xmlChar *text, size_t length) {
    cxml_tree *t = r->tree;
    if (!reserve((void **)&t->text, &r->text_room, t->text_length + length, 1)) {
        fail(r, CXML_NO_MEMORY, "out of memory");
        return 0;
    }
    memcpy(t->text + t->text_length, text, length);
    t->text_length += length;
    return 1;
}

static int append_name_text(reading *r, const xmlChar *text, uint32_t *start, uint32_t *length) {
    cxml_tree *t = r->tree;
    size_t bytes = text ? strlen((const char *)text) : 0;
    if (!reserve((void **)&t->name_text, &r->name_text_room, t->name_text_length + bytes, 1)) return 0;
    if (bytes) memcpy(t->name_text + t->name_text_length, text, bytes);
    *start = (uint32_t)t->name_text_length;
    *length = (uint32_t)bytes;
    t->name_text_length += bytes;
    return 1;
}

static size_t slot_of(const name_slot *slots, size_t count, const xmlChar *local, const xmlChar *space) {
    uintptr_t mixed = ((uintptr_t)local >> 3) * 0x9E3779B97F4A7C15ull ^ ((uintptr_t)space >> 3) * 0xC2B2AE3D27D4EB4Full;
    size_t at = (size_t)(mixed >> 17) & (count - 1);
    while (slots[at].local && (slots[at].local != local || slots[at].space != space)) at = (at + 1) & (count - 1);
    return at;
}

static int grow_slots(reading *r) {
    size_t next = r->slot_count ? r->slot_count * 2 : NAME_SLOTS_START;
    name_slot *slots = calloc(next, sizeof *slots);
    if (!slots) return 0;
    for (size_t i = 0; i < r->slot_count; i++) {
        if (r->slots[i].local) slots[slot_of(slots, next, r->slots[i].local, r->slots[i].space)] = r->slots[i];
    }
    free(r->slots);
    r->slots = slots;
    r->slot_count = next;
    return 1;
}

// The number of a name, new or known; -1 when memory is out.
static int32_t name_id(reading *r, const xmlChar *local, const xmlChar *space) {
    cxml_tree *t = r->tree;
    if ((size_t)t->name_count * 2 >= r->slot_count && !grow_slots(r)) return -1;
    size_t at = slot_of(r->slots, r->slot_count, local, space);
    if (r->slots[at].local) return r->slots[at].id;
    if (!reserve32((void **)&t->names, &r->name_room, t->name_count + 1, sizeof(cxml_name))) return -1;
    cxml_name *name = &t->names[t->name_count];
    if (!append_name_text(r, local, &name->local_start, &name->local_length)) return -1;
    if (!append_name_text(r, space, &name->space_start, &name->space_length)) return -1;
    r->slots[at] = (name_slot){local, space, t->name_count};
    return t->name_count++;
}

// libxml2 calls back when it stands at the end of a start tag. No attribute may hold a literal `<`, so the nearest one
// before is where the tag began; when the buffer no longer holds it, the end of the tag is the answer.
static void position(reading *r, int32_t *line, int32_t *column) {
    xmlParserInputPtr input = r->parser->input;
    *line = xmlSAX2GetLineNumber(r->parser);
    *column = xmlSAX2GetColumnNumber(r->parser);
    if (!input || !input->cur || !input->base) return;
    const xmlChar *at = input->cur;
    int32_t lines = 0, columns = 0;
    while (at > input->base && *at != '<') {
        at--;
        if (*at == '\n') lines++;
        if ((*at & 0xC0) != 0x80) columns++;
    }
    if (*at != '<') return;
    *line -= lines;
    if (lines == 0) {
        *column -= columns;
    } else {
        *column = 1;
        for (int32_t i = 0; i < 1000 && at > input->base && at[-1] != '\n'; i++) {
            at--;
            (*column)++;
        }
    }
    if (*column < 1) *column = 1;
}

static int add_attributes(reading *r, cxml_node *node, int count, const xmlChar **attributes) {
    cxml_tree *t = r->tree;
    node->attribute_start = t->attribute_count;
    node->attribute_count = count;
    if (!reserve32((void **)&t->attributes, &r->attribute_room, t->attribute_count + count, sizeof(cxml_attribute))) {
        fail(r, CXML_NO_MEMORY, "out of memory");
        return 0;
    }
    for (int i = 0; i < count; i++) {
        const xmlChar **a = attributes + 5 * i;
        size_t length = (size_t)(a[4] - a[3]);
        if (length > r->limits->text_max) {
            fail(r, CXML_TEXT_TOO_LONG, "an attribute is longer than the limit");
            return 0;
        }
        cxml_attribute *kept = &t->attributes[t->attribute_count];
        kept->name = name_id(r, a[0], a[2]);
        kept->value_start = (uint32_t)t->text_length;
        kept->value_length = (uint32_t)length;
        if (kept->name < 0 || !append_text(r, a[3], length)) {
            fail(r, CXML_NO_MEMORY, "out of memory");
            return 0;
        }
        t->attribute_count++;
    }
    return 1;
}

static void start_element(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *space, int space_count,
                          const xmlChar **spaces, int attribute_count, int defaulted, const xmlChar **attributes) {
    (void)prefix;
    (void)spaces;
    (void)defaulted;
    reading *r = context;
    cxml_tree *t = r->tree;
    if (t->status != CXML_OK) return;
    if (r->depth >= r->limits->depth_max) return fail(r, CXML_TOO_DEEP, "elements are nested deeper than the limit");
    if (t->node_count >= r->limits->nodes_max) return fail(r, CXML_TOO_MANY_NODES, "there are more elements than the limit");
    if (attribute_count + space_count > r->limits->attributes_max) {
        return fail(r, CXML_TOO_MANY_ATTRIBUTES, "an element has more attributes than the limit");
    }
    int32_t id = t->node_count;
    int32_t room = r->node_room;
    if (!reserve32((void **)&t->nodes, &r->node_room, id + 1, sizeof(cxml_node))) return fail(r, CXML_NO_MEMORY, "out of memory");
    if (!reserve32((void **)&r->last_child, &room, id + 1, sizeof(int32_t))) return fail(r, CXML_NO_MEMORY, "out of memory");

    if (r->open >= 0) {
        cxml_node *parent = &t->nodes[r->open];
        if (parent->first_child < 0) {
            // What stood before the first child is white space or mixed content; neither carries meaning in these documents.
            if (parent->text_start + parent->text_length == t->text_length) t->text_length = parent->text_start;
            parent->text_length = 0;
            parent->first_child = id;
        } else {
            t->nodes[r->last_child[r->open]].next_sibling = id;
        }
        r->last_child[r->open] = id;
    }
    cxml_node *node = &t->nodes[id];
    *node = (cxml_node){.name = name_id(r, local, space), .parent = r->open, .first_child = -1, .next_sibling = -1};
    if (node->name < 0) return fail(r, CXML_NO_MEMORY, "out of memory");
    position(r, &node->line, &node->column);
    t->node_count++;
    if (!add_attributes(r, node, attribute_count, attributes)) return;
    node->text_start = (uint32_t)t->text_length;
    r->last_child[id] = -1;
    r->open = id;
    r->depth++;
}

static void end_element(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *space) {
    (void)local;
    (void)prefix;
    (void)space;
    reading *r = context;
    if (r->tree->status != CXML_OK || r->open < 0) return;
    r->open = r->tree->nodes[r->open].parent;
    r->depth--;
}

static void characters(void *context, const xmlChar *text, int length) {
    reading *r = context;
    if (r->tree->status != CXML_OK || r->open < 0 || length <= 0) return;
    cxml_node *node = &r->tree->nodes[r->open];
    if (node->first_child >= 0) return;
    if (node->text_length + (size_t)length > r->limits->text_max) {
        return fail(r, CXML_TEXT_TOO_LONG, "the text of an element is longer than the limit");
    }
    if (append_text(r, text, (size_t)length)) node->text_length += (uint32_t)length;
}

static void internal_subset(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system) {
    (void)name;
    (void)external;
    (void)system;
    fail(context, CXML_DOCTYPE, "a DOCTYPE is not accepted");
}

static int encoding_is_known(const char *name) {
    static const char *const known[] = {
        "UTF-8",       "UTF8",       "UTF-16",      "UTF-16LE",    "UTF-16BE",     "ISO-10646-UCS-2", "US-ASCII",
        "ASCII",       "ISO-8859-1", "LATIN1",      "ISO-LATIN-1", "ISO-8859-2",   "ISO-8859-9",      "ISO-8859-15",
        "WINDOWS-1250", "WINDOWS-1252", "CP1252",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (xmlStrcasecmp((const xmlChar *)name, (const xmlChar *)known[i]) == 0) return 1;
    }
    return 0;
}

static void start_document(void *context) {
    reading *r = context;
    const xmlChar *declared = r->parser->encoding;
    if (!declared && r->parser->input) declared = r->parser->input->encoding;
    if (declared && !encoding_is_known((const char *)declared)) fail(r, CXML_ENCODING, "the declared encoding is not accepted");
}

static void on_error(void *context, xmlErrorPtr error) {
    reading *r = context;
    if (!error || error->level < XML_ERR_ERROR || r->tree->status != CXML_OK) return;
    cxml_status status = CXML_MALFORMED;
    switch (error->code) {
    case XML_ERR_INVALID_ENCODING:
    case XML_ERR_UNSUPPORTED_ENCODING:
    case XML_ERR_UNKNOWN_ENCODING:
    case XML_I18N_CONV_FAILED:
    case XML_I18N_NO_HANDLER:
        status = CXML_ENCODING;
        break;
    case XML_ERR_INVALID_CHAR:
        // One code for bytes that are no UTF-8 and for characters that XML forbids; only the words tell them apart.
        if (error->message && strncmp(error->message, "Input is not proper UTF-8", 25) == 0) status = CXML_ENCODING;
        break;
    case XML_ERR_NO_MEMORY:
        status = CXML_NO_MEMORY;
        break;
    default:
        break;
    }
    cxml_tree *t = r->tree;
    t->status = status;
    t->error_line = error->line > 0 ? error->line : xmlSAX2GetLineNumber(r->parser);
    t->error_column = error->int2 > 0 ? error->int2 : xmlSAX2GetColumnNumber(r->parser);
    if (error->message) strncpy(t->error_message, error->message, sizeof t->error_message - 1);
    for (char *at = t->error_message; *at; at++) {
        if ((unsigned char)*at < 0x20) *at = ' ';
    }
    // The parser is not stopped from here: it reports from the middle of switching encodings, where stopping takes the buffer
    // away under its feet. It stops by itself, and what it still calls back is ignored.
}

// libxml2 compares each attribute of a tag with all others before it tells us how many there are, so that a tag with
// millions of them would take hours. This pass over the bytes counts them first: `="` and `='` between `<` and `>`.
static int attributes_fit(const uint8_t *bytes, size_t length, int32_t most) {
    int32_t count = 0;
    int in_tag = 0;
    uint8_t before = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = bytes[i];
        if (byte == 0 || byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n') continue;
        if (byte == '<') {
            in_tag = 1;
            count = 0;
        } else if (byte == '>') {
            in_tag = 0;
        } else if (in_tag && before == '<' && (byte == '!' || byte == '?')) {
            in_tag = 0;
        } else if (in_tag && before == '=' && (byte == '"' || byte == '\'') && ++count > most) {
            return 0;
        }
        before = byte;
    }
    return 1;
}

static cxml_status parse(reading *r) {
    xmlParserCtxtPtr parser = r->parser;
    memset(parser->sax, 0, sizeof *parser->sax);
    parser->sax->initialized = XML_SAX2_MAGIC;
    parser->sax->startDocument = start_document;
    parser->sax->startElementNs = start_element;
    parser->sax->endElementNs = end_element;
    parser->sax->characters = characters;
    parser->sax->ignorableWhitespace = characters;
    parser->sax->internalSubset = internal_subset;
    parser->sax->serror = on_error;
    parser->userData = r;
    // HUGE lifts the library's own ceilings of 10 MB per text; ours stand above. There is no DTD, hence nothing to expand.
    xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOCDATA);
    parser->sax->serror = on_error;
    xmlParseDocument(parser);
    if (r->tree->status == CXML_OK && (!parser->wellFormed || r->tree->node_count == 0)) {
        fail(r, CXML_MALFORMED, "the document is not well-formed");
    }
    return r->tree->status;
}

cxml_status cxml_read(const uint8_t *bytes, size_t length, const cxml_limits *limits, cxml_tree *tree) {
    pthread_once(&once, start_library);
    memset(tree, 0, sizeof *tree);
    reading r = {.limits = limits, .tree = tree, .open = -1};
    tree->error_line = 1;
    tree->error_column = 1;
    if (length == 0) {
        tree->status = CXML_MALFORMED;
        strncpy(tree->error_message, "the document is empty", sizeof tree->error_message - 1);
        return tree->status;
    }
    if (length > limits->bytes_max) {
        tree->status = CXML_TOO_LARGE;
        strncpy(tree->error_message, "the document is larger than the limit", sizeof tree->error_message - 1);
        return tree->status;
    }
    if (!attributes_fit(bytes, length, limits->attributes_max)) {
        tree->status = CXML_TOO_MANY_ATTRIBUTES;
        strncpy(tree->error_message, "an element has more attributes than the limit", sizeof tree->error_message - 1);
        return tree->status;
    }
    xmlSetGenericErrorFunc(NULL, keep_quiet);
    r.parser = xmlCreateMemoryParserCtxt((const char *)bytes, (int)length);
    if (!r.parser) {
        tree->status = CXML_NO_MEMORY;
        return tree->status;
    }
    xmlSetStructuredErrorFunc(&r, on_error);
    parse(&r);
    xmlSetStructuredErrorFunc(NULL, NULL);
    if (r.parser->myDoc) xmlFreeDoc(r.parser->myDoc);
    r.parser->myDoc = NULL;
    xmlFreeParserCtxt(r.parser);
    free(r.last_child);
    free(r.slots);
    return tree->status;
}

void cxml_free(cxml_tree *tree) {
    free(tree->nodes);
    free(tree->attributes);
    free(tree->names);
    free(tree->text);
    free(tree->name_text);
    memset(tree, 0, sizeof *tree);
}

void cxml_prepare(void) {
    pthread_once(&once, start_library);
    // Open converters keep glibc's modules loaded; they are few and are kept until the process ends.
    static const char *const encodings[] = {"ISO-8859-2", "ISO-8859-9", "ISO-8859-15", "WINDOWS-1250", "WINDOWS-1252", "CP1252"};
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        (void)iconv_open("UTF-8", encodings[i]);
        (void)iconv_open(encodings[i], "UTF-8");
    }
}

const char *cxml_library_version(void) {
    return xmlParserVersion;
}
