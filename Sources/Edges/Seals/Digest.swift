import COpenSSL
package import Kernel

/// SHA-256 of bytes at hand.
package enum SHA256 {
    package static let byteCount = 32

    package static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        withBytes(bytes) { input in
            filled(byteCount) { out in
                let isGood = cs_sha256(input.baseAddress, input.count, out.baseAddress)
                precondition(isGood == 1, "libcrypto computes no SHA-256")
            }
        }
    }

    package static func hexText(_ bytes: some Collection<UInt8>) -> String { hash(bytes).hexText }
}

/// SHA-256 of bytes that arrive in pieces; not for several tasks at once.
package final class SHA256Stream: JCSConformance.Hasher {
    private let stream: OpaquePointer

    package init() {
        guard let stream = cs_sha256_stream_new() else { preconditionFailure("libcrypto computes no SHA-256") }
        self.stream = stream
    }

    deinit { cs_sha256_stream_free(stream) }

    package func update(_ bytes: [UInt8]) { update(contentsOf: bytes) }

    package func update(contentsOf bytes: some Collection<UInt8>) {
        let isGood = withBytes(bytes) { cs_sha256_stream_update(stream, $0.baseAddress, $0.count) }
        precondition(isGood == 1, "libcrypto computes no SHA-256")
    }

    /// The hash of everything so far; more may follow.
    package func digest() -> [UInt8] {
        filled(SHA256.byteCount) { out in
            let isGood = cs_sha256_stream_digest(stream, out.baseAddress)
            precondition(isGood == 1, "libcrypto computes no SHA-256")
        }
    }
}

/// The hash that approvals bind to and that pins a published version: SHA-256 of the canonical form (RFC 8785).
package enum ObjectHash {
    /// Refuses (`object.canonical`) what has no canonical form: a number beyond every double, nesting past the bound.
    package static func of(_ value: JSONValue) throws(Refusal) -> [UInt8] {
        do throws(JSONParseFailure) {
            return SHA256.hash(try value.canonicalBytes())
        } catch {
            throw Refusal(.invalid, reason: "object.canonical", "The object has no canonical form: \(error.message).")
        }
    }

    package static func hexText(of value: JSONValue) throws(Refusal) -> String { try of(value).hexText }
}

/// HMAC-SHA256 (RFC 2104).
package enum HMAC {
    package static func sha256(key: some Collection<UInt8>, _ bytes: some Collection<UInt8>) -> [UInt8] {
        withBytes(key) { key in
            withBytes(bytes) { input in
                filled(SHA256.byteCount) { out in
                    let isGood = cs_hmac_sha256(key.baseAddress, key.count, input.baseAddress, input.count, out.baseAddress)
                    precondition(isGood == 1, "libcrypto computes no HMAC")
                }
            }
        }
    }

    package static func isValid(
        _ code: some Collection<UInt8>, key: some Collection<UInt8>, _ bytes: some Collection<UInt8>
    ) -> Bool {
        constantTimeEqual(code, sha256(key: key, bytes))
    }
}

/// HKDF-SHA256 (RFC 5869): keys of one purpose from a key of another.
package enum HKDF {
    package static let bytesMax = 255 * 32

    /// The caller promises 1 to 8160 bytes.
    package static func sha256(
        key: some Collection<UInt8>, salt: some Collection<UInt8> = [], info: some Collection<UInt8>, count: Int
    ) -> [UInt8] {
        precondition(count > 0 && count <= bytesMax, "\(count) bytes of HKDF")
        return withBytes(key) { key in
            withBytes(salt) { salt in
                withBytes(info) { info in
                    filled(count) { out in
                        let isGood = cs_hkdf_sha256(
                            key.baseAddress, key.count, salt.baseAddress, salt.count, info.baseAddress, info.count,
                            out.baseAddress,
                            out.count)
                        precondition(isGood == 1, "libcrypto computes no HKDF")
                    }
                }
            }
        }
    }
}

/// Whether both are equal, in a time that tells nothing of where they differ; their lengths are no secret.
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return withBytes(left) { left in withBytes(right) { right in cs_equal(left.baseAddress, right.baseAddress, left.count) == 1 }
    }
}

/// The bytes in one piece, copied only when the collection has them in several.
func withBytes<Result>(_ bytes: some Collection<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    bytes.withContiguousStorageIfAvailable(body) ?? Array(bytes).withUnsafeBufferPointer(body)
}

func filled(_ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        initialized = count
    }
}
