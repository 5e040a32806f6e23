#include "countersign_crypto.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <string.h>

// Fetching an algorithm costs more than hashing a short message, so each is fetched once for the life of the process.
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static EVP_CIPHER *aes256gcm;
static EVP_KDF *hkdf, *scrypt, *pbkdf2;
static EVP_MAC *hmac;

static void fetch_all(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    aes256gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    scrypt = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    pbkdf2 = EVP_KDF_fetch(NULL, "PBKDF2", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

// Errors of one call must not be found by the next user of the thread's queue (libpq and libcurl look there too).
static int settle(int is_good) {
    if (!is_good) ERR_clear_error();
    return is_good ? 1 : 0;
}

// OpenSSL takes a null pointer for "not given" in places where an empty input is meant.
static const uint8_t nothing[1];
static const uint8_t *present(const void *bytes) { return bytes ? bytes : nothing; }

int cs_sha256(const uint8_t *bytes, size_t count, uint8_t out[32]) {
    pthread_once(&fetched, fetch_all);
    return settle(sha256 && EVP_Digest(present(bytes), count, out, NULL, sha256, NULL) == 1);
}

struct cs_sha256_stream {
    EVP_MD_CTX *context;
};

cs_sha256_stream *cs_sha256_stream_new(void) {
    pthread_once(&fetched, fetch_all);
    cs_sha256_stream *stream = OPENSSL_zalloc(sizeof *stream);
    if (!stream) return NULL;
    stream->context = EVP_MD_CTX_new();
    if (!sha256 || !stream->context || EVP_DigestInit_ex2(stream->context, sha256, NULL) != 1) {
        cs_sha256_stream_free(stream);
        settle(0);
        return NULL;
    }
    return stream;
}

int cs_sha256_stream_update(cs_sha256_stream *stream, const uint8_t *bytes, size_t count) {
    return settle(EVP_DigestUpdate(stream->context, present(bytes), count) == 1);
}

int cs_sha256_stream_digest(const cs_sha256_stream *stream, uint8_t out[32]) {
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    int good = copy && EVP_MD_CTX_copy_ex(copy, stream->context) == 1 && EVP_DigestFinal_ex(copy, out, NULL) == 1;
    EVP_MD_CTX_free(copy);
    return settle(good);
}

void cs_sha256_stream_free(cs_sha256_stream *stream) {
    if (!stream) return;
    EVP_MD_CTX_free(stream->context);
    OPENSSL_free(stream);
}

static const char *digest_name(size_t digest) {
    switch (digest) {
    case 20: return "SHA1";
    case 32: return "SHA2-256";
    case 64: return "SHA2-512";
    default: return NULL;
    }
}

int cs_hmac(size_t digest, const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t *out) {
    pthread_once(&fetched, fetch_all);
    const char *name = digest_name(digest);
    EVP_MAC_CTX *context = hmac && name ? EVP_MAC_CTX_new(hmac) : NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)name, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t written = 0;
    int good = context && EVP_MAC_init(context, present(key), key_count, parameters) == 1 &&
               EVP_MAC_update(context, present(bytes), count) == 1 && EVP_MAC_final(context, out, &written, digest) == 1 &&
               written == digest;
    EVP_MAC_CTX_free(context);
    return settle(good);
}

int cs_hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *bytes, size_t count, uint8_t out[32]) {
    return cs_hmac(32, key, key_count, bytes, count, out);
}

int cs_hkdf(size_t digest, const uint8_t *key, size_t key_count, const uint8_t *salt, size_t salt_count, const uint8_t *info,
            size_t info_count, uint8_t *out, size_t out_count) {
    pthread_once(&fetched, fetch_all);
    const char *name = digest_name(digest);
    EVP_KDF_CTX *context = hkdf && name ? EVP_KDF_CTX_new(hkdf) : NULL;
    OSSL_PARAM parameters[5];
    size_t at = 0;
    parameters[at++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)name, 0);
    parameters[at++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)present(key), key_count);
    // Without a salt RFC 5869 takes zeros, and so does the library.
    if (salt_count > 0) parameters[at++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_count);
    if (info_count > 0) parameters[at++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_count);
    parameters[at] = OSSL_PARAM_construct_end();
    int good = context && EVP_KDF_derive(context, out, out_count, parameters) == 1;
    EVP_KDF_CTX_free(context);
    return settle(good);
}

int cs_hkdf_sha256(const uint8_t *key, size_t key_count, const uint8_t *salt, size_t salt_count, const uint8_t *info,
                   size_t info_count, uint8_t *out, size_t out_count) {
    return cs_hkdf(32, key, key_count, salt, salt_count, info, info_count, out, out_count);
}

int cs_pbkdf2(size_t digest, const char *password, size_t password_count, const uint8_t *salt, size_t salt_count,
              uint32_t iterations, uint8_t *out, size_t out_count) {
    pthread_once(&fetched, fetch_all);
    const char *name = digest_name(digest);
    uint64_t rounds = iterations;
    EVP_KDF_CTX *context = pbkdf2 && name ? EVP_KDF_CTX_new(pbkdf2) : NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)present(password), password_count),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)present(salt), salt_count),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &rounds),
        OSSL_PARAM_construct_end(),
    };
    int good = context && EVP_KDF_derive(context, out, out_count, parameters) == 1;
    EVP_KDF_CTX_free(context);
    return settle(good);
}

int cs_scrypt(const char *password, size_t password_count, const uint8_t *salt, size_t salt_count, uint64_t n, uint32_t r,
              uint32_t p, uint64_t memory_max, uint8_t *out, size_t out_count) {
    pthread_once(&fetched, fetch_all);
    EVP_KDF_CTX *context = scrypt ? EVP_KDF_CTX_new(scrypt) : NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)present(password), password_count),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)present(salt), salt_count),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
        OSSL_PARAM_construct_end(),
    };
    int good = context && EVP_KDF_derive(context, out, out_count, parameters) == 1;
    EVP_KDF_CTX_free(context);
    return settle(good);
}

int cs_aes256gcm_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *associated, size_t associated_count,
                      const uint8_t *plain, size_t plain_count, uint8_t *cipher, uint8_t tag[16]) {
    pthread_once(&fetched, fetch_all);
    if (plain_count > INT_MAX || associated_count > INT_MAX) return 0;
    uint8_t spare[16];
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int good = context && aes256gcm && EVP_EncryptInit_ex2(context, aes256gcm, key, nonce, NULL) == 1 &&
               EVP_EncryptUpdate(context, NULL, &length, present(associated), (int)associated_count) == 1 &&
               (plain_count == 0 || EVP_EncryptUpdate(context, cipher, &length, plain, (int)plain_count) == 1) &&
               EVP_EncryptFinal_ex(context, spare, &length) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return settle(good);
}

int cs_aes256gcm_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *associated, size_t associated_count,
                      const uint8_t *cipher, size_t cipher_count, const uint8_t tag[16], uint8_t *plain) {
    pthread_once(&fetched, fetch_all);
    if (cipher_count > INT_MAX || associated_count > INT_MAX) return 0;
    uint8_t spare[16];
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int good = context && aes256gcm && EVP_DecryptInit_ex2(context, aes256gcm, key, nonce, NULL) == 1 &&
               EVP_DecryptUpdate(context, NULL, &length, present(associated), (int)associated_count) == 1 &&
               (cipher_count == 0 || EVP_DecryptUpdate(context, plain, &length, cipher, (int)cipher_count) == 1) &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, (void *)tag) == 1 &&
               EVP_DecryptFinal_ex(context, spare, &length) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!good && cipher_count > 0) OPENSSL_cleanse(plain, cipher_count);
    return settle(good);
}

int cs_ed25519_public_key(const uint8_t seed[32], uint8_t out[32]) {
    size_t count = 32;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    int good = key && EVP_PKEY_get_raw_public_key(key, out, &count) == 1 && count == 32;
    EVP_PKEY_free(key);
    return settle(good);
}

int cs_ed25519_sign(const uint8_t seed[32], const uint8_t *message, size_t count, uint8_t out[64]) {
    size_t written = 64;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestSign(context, out, &written, present(message), count) == 1 && written == 64;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return settle(good);
}

int cs_ed25519_verify(const uint8_t public_key[32], const uint8_t *message, size_t count, const uint8_t signature[64]) {
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestVerify(context, signature, 64, present(message), count) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return settle(good);
}

int cs_sha512(const uint8_t *bytes, size_t count, uint8_t out[64]) {
    size_t written = 0;
    return settle(EVP_Q_digest(NULL, "SHA2-512", NULL, present(bytes), count, out, &written) == 1 && written == 64);
}

// A public key of these parameters; frees them.
static EVP_PKEY *public_key_of(const char *kind, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = parameters ? EVP_PKEY_CTX_new_from_name(NULL, kind, NULL) : NULL;
    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

int cs_rsa_verify(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent, size_t exponent_count, int is_pss,
                  const uint8_t *message, size_t count, const uint8_t *signature, size_t signature_count) {
    if (modulus_count > 1024 || exponent_count > 8) return 0;
    BIGNUM *n = BN_bin2bn(present(modulus), (int)modulus_count, NULL);
    BIGNUM *e = BN_bin2bn(present(exponent), (int)exponent_count, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = public_key_of("RSA", parameters);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    int good = key && context && EVP_DigestVerifyInit_ex(context, &details, "SHA2-256", NULL, NULL, key, NULL) == 1;
    if (good && is_pss)
        good = EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) > 0;
    good = good && EVP_DigestVerify(context, present(signature), signature_count, present(message), count) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return settle(good);
}

int cs_p256_verify(const uint8_t point[65], const uint8_t *message, size_t count, const uint8_t signature[64]) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65) == 1)
        parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = public_key_of("EC", parameters);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
    unsigned char *der = NULL;
    int length = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL;  // the pair owns them now
        length = i2d_ECDSA_SIG(pair, &der);
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = key && length > 0 && context && EVP_DigestVerifyInit_ex(context, NULL, "SHA2-256", NULL, NULL, key, NULL) == 1 &&
               EVP_DigestVerify(context, der, (size_t)length, present(message), count) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);
    EVP_PKEY_free(key);
    OSSL_PARAM_BLD_free(build);
    return settle(good);
}

int cs_equal(const uint8_t *left, const uint8_t *right, size_t count) {
    return count == 0 || CRYPTO_memcmp(left, right, count) == 0;
}

void cs_wipe(void *memory, size_t count) {
    if (count > 0) OPENSSL_cleanse(memory, count);
}
