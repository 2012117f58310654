/// Keywords that rules in circulation use and that are not read here: a rule with one of them is well written but not
/// used.
enum UnsupportedKeywords {
  static let names: [String] =
    words(
      """
      absent app-layer-event app-layer-protocol app-layer-state asn1 base64_data base64_decode bypass config datarep
      dataset decode-event engine-event entropy frame ftpbounce geoip hostbits iprep l3_proto lua luaxform nfq_set_mark
      pcrexform prefilter replace requires rpc stream-event tcp.mss tcp.wscale tcp.hdr tcp.session udp.hdr ipv4.hdr
      ipv6.hdr ether.hdr icmpv4.hdr icmpv6.hdr icmpv6.mtu igmp.hdr igmp.type ip.src ip.dst vlan.id vlan.layers
      ipv4-csum tcpv4-csum tcpv6-csum udpv4-csum udpv6-csum icmpv4-csum icmpv6-csum igmp-csum
      """)
    + words(
      """
      flow.age flow.bytes flow.bytes_toclient flow.bytes_toserver flow.elephant flow.pkts flow.pkts_toclient
      flow.pkts_toserver flowvar pktvar
      file.name file.magic filename fileext filemagic filemd5 filesha1 filesha256 filesize filestore
      bitmask compress_whitespace domain dotprefix from_base64 gunzip header_lowercase strip_pseudo_headers
      strip_whitespace subslice tld to_lowercase to_md5 to_sha1 to_sha256 to_uppercase url_decode xor zlib_deflate
      """)
    + words(
      """
      http.request_header http.response_header http_raw_cookie http_encode
      http2.errorcode http2.frametype http2.header_name http2.priority http2.settings http2.size_update http2.window
      dns.answer.name dns.answers.rrname dns.authorities.rrname dns.additionals.rrname dns.queries.rrname dns.opcode
      dns.query.name dns.rcode dns.response.rrname dns.rrtype mdns.queries.rrname mdns.answers.rrname
      tls.alpn tls.cert_chain_len tls.cert_fingerprint tls.cert_issuer tls.cert_serial tls.cert_subject tls.certs
      tls.fingerprint tls.issuerdn tls.random tls.random_bytes tls.random_time tls.store tls.subject
      tls.subjectaltname tls.version tls_cert_expired tls_cert_fingerprint tls_cert_issuer tls_cert_notafter
      tls_cert_notbefore tls_cert_serial tls_cert_subject tls_cert_valid tls_store ssl_state ssl_version
      quic.cyu.hash quic.cyu.string quic.version
      """)
    + words(
      """
      ssh.hassh ssh.hassh.server ssh.hassh.server.string ssh.hassh.string ssh.proto ssh.protoversion ssh.software
      ssh.softwareversion ssh_proto ssh_software
      smb.named_pipe smb.share smb.ntlmssp_domain smb.ntlmssp_user smb.version dce_iface dce_opnum dce_stub_data
      dcerpc.iface dcerpc.opnum dcerpc.stub_data
      ftp.command ftp.command_data ftp.completion_code ftp.dynamic_port ftp.mode ftp.reply ftp.reply_received
      ftpdata_command smtp.helo smtp.mail_from smtp.rcpt_to email.from email.subject email.to email.cc email.date
      email.message_id email.url email.received email.x_mailer mime_boundary
      dhcp.leasetime dhcp.rebinding_time dhcp.renewal_time snmp.community snmp.pdu_type snmp.usm snmp.version
      krb5.cname krb5.sname krb5.ticket_encryption krb5_cname krb5_err_code krb5_msg_type krb5_sname
      sip.method sip.uri sip.content_length sip.content_type sip.from sip.protocol sip.request_line
      sip.response_line sip.stat_code sip.stat_msg sip.to sip.ua sip.via sdp.origin sdp.media.media
      rfb.name rfb.secresult rfb.sectype mqtt.type mqtt.flags mqtt.qos mqtt.protocol_version mqtt.reason_code
      mqtt.connect.clientid mqtt.connect.username mqtt.connect.password mqtt.connect.flags mqtt.publish.topic
      mqtt.publish.message mqtt.subscribe.topic mqtt.unsubscribe.topic mqtt.connack.session_present
      ike.exchtype ike.init_spi ike.resp_spi ike.vendor ike.chosen_sa_attribute nfs.version nfs_procedure
      modbus dnp3.data dnp3.func dnp3.ind dnp3.obj dnp3_data dnp3_func dnp3_ind dnp3_obj cip_service enip_command
      ldap.request.operation ldap.responses.operation pgsql.query websocket.payload websocket.opcode websocket.mask
      websocket.flags
      """)
    + words(
      """
      activated_by activates count cvs file_type gtp_info gtp_type gtp_version ip_rev
      logto md5 modbus_data modbus_func modbus_unit protected_content react resp session sd_pattern service sha256
      sha512 sip_body sip_header sip_method sip_stat_code soid appid
      """)

  private static func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }
}
