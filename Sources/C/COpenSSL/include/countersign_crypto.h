// The cryptography we use, and nothing else of libcrypto: Swift sees these functions only, so that the list of algorithms in
// use is this page. Lengths are in bytes. Unless said otherwise a function returns 1 on success and 0 on failure, and a
// failure means that memory ran out or the library is broken.
#ifndef COUNTERSIGN_CRYPTO_H
#define COUNTERSIGN_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

int cs_sha256(const uint8_t *bytes, size_t count, uint8_t out[32]);

typedef struct cs_sha256_stream cs_sha256_stream;
cs_sha256_stream *cs_sha256_stream_new(void);
int cs_sha256_stream_update(cs_sha256_stream *stream, const uint8_t *bytes, size_t count);
// The hash of everything so far; the stream can go on.
int cs_sha256_stream_digest(const cs_sha256_stream *stream, uint8_t out[32]);
void cs_sha256_stream_free(cs_sha256_stream *stream);

int cs_hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t out[32]);

// Digests besides SHA-256, by their bytes: 20 is SHA-1 (one-time codes and nothing else), 32 SHA-256, 64 SHA-512. Any other
// number fails.
int cs_hmac(size_t digest, const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t *out);
// RFC 5869, extract and expand; out_count is at most 255 * digest.
int cs_hkdf(size_t digest, const uint8_t *key, size_t key_count, const uint8_t *salt, size_t salt_count, const uint8_t *info,
            size_t info_count, uint8_t *out, size_t out_count);
// RFC 8018.
int cs_pbkdf2(size_t digest, const char *password, size_t password_count, const uint8_t *salt, size_t salt_count,
              uint32_t iterations, uint8_t *out, size_t out_count);

// RFC 5869 with SHA-256, extract and expand; out_count is at most 255 * 32.
int cs_hkdf_sha256(const uint8_t *key, size_t key_count, const uint8_t *salt, size_t salt_count, const uint8_t *info,
                   size_t info_count, uint8_t *out, size_t out_count);

// RFC 7914. memory_max is the ceiling in bytes; the library's own default refuses N = 2^15 already.
int cs_scrypt(const char *password, size_t password_count, const uint8_t *salt, size_t salt_count, uint64_t n, uint32_t r,
              uint32_t p, uint64_t memory_max, uint8_t *out, size_t out_count);

// cipher has the length of plain.
int cs_aes256gcm_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *associated, size_t associated_count,
                      const uint8_t *plain, size_t plain_count, uint8_t *cipher, uint8_t tag[16]);
// 0 also when the tag does not fit; then plain holds zeros.
int cs_aes256gcm_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *associated, size_t associated_count,
                      const uint8_t *cipher, size_t cipher_count, const uint8_t tag[16], uint8_t *plain);

int cs_ed25519_public_key(const uint8_t seed[32], uint8_t out[32]);
int cs_ed25519_sign(const uint8_t seed[32], const uint8_t *message, size_t count, uint8_t out[64]);
// 1 only for a valid signature; a malformed key or signature is 0.
int cs_ed25519_verify(const uint8_t public_key[32], const uint8_t *message, size_t count, const uint8_t signature[64]);

int cs_sha512(const uint8_t *bytes, size_t count, uint8_t out[64]);

// Signatures of identity providers, over SHA-256; 1 only for a valid one, and 0 for a malformed key or signature too.
// modulus and exponent are big-endian; is_pss chooses RSASSA-PSS (salt of 32 bytes, MGF1 with SHA-256), else PKCS #1 v1.5.
int cs_rsa_verify(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent, size_t exponent_count, int is_pss,
                  const uint8_t *message, size_t count, const uint8_t *signature, size_t signature_count);
// point is 4, x and y; signature is r and s, 32 bytes each.
int cs_p256_verify(const uint8_t point[65], const uint8_t *message, size_t count, const uint8_t signature[64]);

// 1 when equal; the time taken does not depend on where they differ.
int cs_equal(const uint8_t *left, const uint8_t *right, size_t count);
// Zeroes memory in a way the compiler keeps.
void cs_wipe(void *memory, size_t count);

#endif
