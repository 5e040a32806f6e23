#ifndef COUNTERSIGN_CURL_H
#define COUNTERSIGN_CURL_H

#include <curl/curl.h>
#include <stddef.h>

// Swift cannot call variadic C functions, and libcurl's setters are variadic. These are the calls that the room `Curl` makes,
// each with one fixed type, so that a wrong argument is a compile error.

CURLcode cs_curl_set_long(CURL *easy, CURLoption option, long value);
CURLcode cs_curl_set_size(CURL *easy, CURLoption option, curl_off_t value);
CURLcode cs_curl_set_text(CURL *easy, CURLoption option, const char *value);
CURLcode cs_curl_set_pointer(CURL *easy, CURLoption option, void *value);
CURLcode cs_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value);

typedef size_t (*cs_curl_bytes)(char *bytes, size_t size, size_t count, void *owner);
// Answers 1 when a socket to this address may be opened: its 4 or 16 bytes in network order, 0 of them for a unix socket and a
// count of -1 for any other family.
typedef int (*cs_curl_permit)(void *owner, const unsigned char *address, int count);
// Called with the connected address, right before the request's first byte; answers 1 when it may be sent.
typedef int (*cs_curl_before)(void *owner, const char *address, int port);

// Sets the three hooks of a transfer; `owner` must outlive it.
CURLcode cs_curl_set_hooks(CURL *easy, void *owner, cs_curl_bytes body, cs_curl_bytes header);
// What a mail is read from; `owner` must outlive the transfer.
CURLcode cs_curl_set_reader(CURL *easy, void *owner, cs_curl_bytes reader);
struct cs_curl_gate {
    void *owner;
    cs_curl_permit permit;
    cs_curl_before before;
};
// `gate` must outlive the transfer.
CURLcode cs_curl_set_gate(CURL *easy, struct cs_curl_gate *gate);

long cs_curl_get_long(CURL *easy, CURLINFO info);
curl_off_t cs_curl_get_size(CURL *easy, CURLINFO info);
void *cs_curl_get_owner(CURL *easy);

CURLMcode cs_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);
// The next finished transfer: its handle and result, or NULL.
CURL *cs_curl_multi_next_done(CURLM *multi, CURLcode *result);

// The options that hold for every transfer, whatever it is: no signals, no proxy from the environment, no redirect, http and
// https only, verified TLS, HTTP/1.1, gzip decoded by libcurl.
CURLcode cs_curl_set_house_rules(CURL *easy);

#endif
