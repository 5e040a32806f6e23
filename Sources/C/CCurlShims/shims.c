#include "countersign_curl.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

CURLcode cs_curl_set_long(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }
CURLcode cs_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) { return curl_easy_setopt(easy, option, value); }
CURLcode cs_curl_set_text(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }
CURLcode cs_curl_set_pointer(CURL *easy, CURLoption option, void *value) { return curl_easy_setopt(easy, option, value); }
CURLcode cs_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

CURLcode cs_curl_set_hooks(CURL *easy, void *owner, cs_curl_bytes body, cs_curl_bytes header) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PRIVATE, owner);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, owner);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, owner);
    return code;
}

CURLcode cs_curl_set_reader(CURL *easy, void *owner, cs_curl_bytes reader) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_READFUNCTION, reader);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_READDATA, owner);
    return code;
}

static curl_socket_t open_socket(void *gate_pointer, curlsocktype purpose, struct curl_sockaddr *address) {
    struct cs_curl_gate *gate = gate_pointer;
    if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
    const unsigned char *bytes = NULL;
    int count = -1;
    if (address->family == AF_INET && address->addrlen >= sizeof(struct sockaddr_in)) {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)&address->addr)->sin_addr;
        count = 4;
    } else if (address->family == AF_INET6 && address->addrlen >= sizeof(struct sockaddr_in6)) {
        bytes = (const unsigned char *)&((const struct sockaddr_in6 *)&address->addr)->sin6_addr;
        count = 16;
    } else if (address->family == AF_UNIX) {
        count = 0;
    }
    if (!gate->permit(gate->owner, bytes, count)) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int before_request(void *gate_pointer, char *address, char *local_address, int port, int local_port) {
    struct cs_curl_gate *gate = gate_pointer;
    (void)local_address;
    (void)local_port;
    return gate->before(gate->owner, address, port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

CURLcode cs_curl_set_gate(CURL *easy, struct cs_curl_gate *gate) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, gate);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PREREQDATA, gate);
    return code;
}

long cs_curl_get_long(CURL *easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) ? 0 : value;
}

curl_off_t cs_curl_get_size(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, info, &value) ? 0 : value;
}

void *cs_curl_get_owner(CURL *easy) {
    char *owner = NULL;
    return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner) ? NULL : owner;
}

CURLMcode cs_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

CURL *cs_curl_multi_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

CURLcode cs_curl_set_house_rules(CURL *easy) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!code) code = curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code) code = curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    if (!code) code = curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    return code;
}
