namespace MappingNets.Tests;

/// <summary>
/// JPEG files of blocks of one colour each, laid out segment by segment as ITU-T T.81 says: of each block only the mean is stored.
/// </summary>
public static class JpegBytes
{
    private const byte StartOfImage = 0xD8, EndOfImage = 0xD9, Tables = 0xDB, Codes = 0xC4, Scan = 0xDA, Baseline = 0xC0, Progressive = 0xC2;

    /// <summary>A file of 8 x 8 blocks beside one another.</summary>
    /// <param name="blocks">The samples of each block, one for each component: 1 of grey, 3 of YCbCr, 4 of CMYK.</param>
    /// <param name="isProgressive">Whether the frame is a progressive one, of a single scan, the first of the means.</param>
    /// <param name="segments">What stands before the frame: whole segments, such as EXIF or Adobe's.</param>
    public static byte[] Of(byte[][] blocks, bool isProgressive = false, params byte[][] segments)
    {
        var components = blocks[0].Length;
        return
        [
            0xFF, StartOfImage, .. segments.SelectMany(segment => segment),
            // One table: every coefficient in steps of 8, so that a mean takes steps of 1.
            .. Segment(Tables, [0, .. Enumerable.Repeat((byte)8, 64)]),
            .. Segment(isProgressive ? Progressive : Baseline,
            [
                8, 0, 8, 0, (byte)(8 * blocks.Length), (byte)components,
                .. Enumerable.Range(1, components).SelectMany(number => new byte[] { (byte)number, 0x11, 0 }),
            ]),
            // Sizes 0 to 8 of a difference as codes of 4 bits in their order, and "no more coefficients" as the bit 0.
            .. Segment(Codes, [0x00, 0, 0, 0, 9, .. new byte[12], 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            .. Segment(Codes, [0x10, 1, .. new byte[15], 0]),
            .. Segment(Scan,
            [
                (byte)components, .. Enumerable.Range(1, components).SelectMany(number => new byte[] { (byte)number, 0x00 }),
                0, (byte)(isProgressive ? 0 : 63), 0,
            ]),
            .. Bits(blocks, isProgressive), 0xFF, EndOfImage,
        ];
    }

    /// <summary>An EXIF segment with nothing but the orientation: 1 as stored, 3 turned by 180 degrees, 6 by 90, 8 by 270.</summary>
    public static byte[] Orientation(byte orientation) => Segment(0xE1,
    [
        .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0,
    ]);

    /// <summary>Adobe's segment: 0 says that four components are CMYK, stored inverted as Adobe does.</summary>
    public static byte[] Adobe(byte transform) => Segment(0xEE, [.. "Adobe"u8, 0, 100, 0, 0, 0, 0, transform]);

    private static byte[] Segment(byte marker, byte[] data) => [0xFF, marker, (byte)((data.Length + 2) >> 8), (byte)(data.Length + 2), .. data];

    private static byte[] Bits(byte[][] blocks, bool isProgressive)
    {
        var bits = new List<bool>();
        var last = new int[blocks[0].Length];
        foreach (var block in blocks)
            for (var component = 0; component < block.Length; component++)
            {
                var mean = block[component] - 128;
                var difference = mean - last[component];
                last[component] = mean;
                var size = difference == 0 ? 0 : 32 - int.LeadingZeroCount(Math.Abs(difference));
                Put(size, 4);
                // Negative differences stand one lower, in ones' complement.
                Put(difference < 0 ? difference - 1 : difference, size);
                if (!isProgressive)
                    Put(0, 1);
            }

        while (bits.Count % 8 != 0)
            bits.Add(true);
        return
        [
            .. bits.Chunk(8).Select(eight => (byte)eight.Aggregate(0, (value, bit) => (value << 1) | (bit ? 1 : 0)))
                .SelectMany(value => value == 0xFF ? new byte[] { 0xFF, 0 } : [value]),
        ];

        void Put(int value, int count)
        {
            for (var place = count - 1; place >= 0; place--)
                bits.Add(((value >> place) & 1) == 1);
        }
    }
}
