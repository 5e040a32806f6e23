import CCurl

/// A URL as libcurl itself reads it.
///
/// Only libcurl's parser is used: two parsers that disagree about the host are how guards are walked around.
package struct OutboundURL: Sendable, Hashable {
    package let text: String
    package let host: String
    package let port: Int
    package let isEncrypted: Bool
    let isMail: Bool

    /// Refuses other schemes than http and https (smtp and smtps for a mail), user names, fragments, white space and control
    /// characters.
    package init(_ text: String, mail: MailEnvelope? = nil) throws(CurlFailure) {
        guard text.utf8.count <= HTTPRequest.urlBytesMax else {
            throw OutboundURL.invalid("the URL is longer than \(HTTPRequest.urlBytesMax) bytes")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw OutboundURL.invalid("the URL has white space or control characters")
        }
        guard let handle = curl_url() else { throw OutboundURL.invalid("libcurl has no memory for a URL") }
        defer { curl_url_cleanup(handle) }
        let code = curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_DISALLOW_USER))
        guard code == CURLUE_OK else { throw OutboundURL.invalid(String(cString: curl_url_strerror(code))) }
        let schemes = mail == nil ? ["http", "https"] : ["smtp", "smtps"]
        guard let scheme = OutboundURL.part(CURLUPART_SCHEME, of: handle), schemes.contains(scheme) else {
            throw OutboundURL.invalid("only \(schemes[0]) and \(schemes[1]) are spoken here")
        }
        guard OutboundURL.part(CURLUPART_FRAGMENT, of: handle) == nil else { throw OutboundURL.invalid("the URL has a fragment") }
        guard var host = OutboundURL.part(CURLUPART_HOST, of: handle)?.lowercased(), !host.isEmpty,
            let port = OutboundURL.part(CURLUPART_PORT, of: handle).flatMap({ Int($0) }), port > 0,
            let whole = OutboundURL.part(CURLUPART_URL, of: handle)
        else { throw OutboundURL.invalid("the URL has no usable host or port") }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.text = whole
        self.host = host
        self.port = port
        isEncrypted = scheme == schemes[1] || mail?.isEncrypted == true
        isMail = mail != nil
    }

    private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
        var found: UnsafeMutablePointer<CChar>?
        let flags = part == CURLUPART_PORT ? UInt32(CURLU_DEFAULT_PORT) : 0
        guard curl_url_get(handle, part, &found, flags) == CURLUE_OK, let found else { return nil }
        defer { curl_free(found) }
        return String(cString: found)
    }

    private static func invalid(_ detail: String) -> CurlFailure {
        CurlFailure(.invalidRequest, mayHaveBeenSent: false, detail)
    }
}
