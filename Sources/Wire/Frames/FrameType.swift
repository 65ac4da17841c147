/// The type byte of a frame.
enum FrameType: UInt8 {
    case padding = 0
    case ping = 1
    case acknowledgement = 2
    case close = 3
    case message = 4
    case offer = 5
    case want = 6
    case cancel = 7
    case chunk = 8
    case evidence = 9
    case revocation = 10
    case pathChallenge = 11
    case pathResponse = 12
    case markedAcknowledgement = 13
    case record = 14
    case credit = 15
    case push = 16
}
