namespace MappingNets;

/// <summary>The values of the 8-bit floats of the Open Compute Project (OFP8 1.0, and E8M0 of its microscaling formats 1.0), by their byte.</summary>
internal static class EightBitFloats
{
    /// <summary>1 sign, 4 exponent bits (bias 7), 3 of the fraction; no infinity, and only S.1111.111 is NaN.</summary>
    public static float[] E4M3 { get; } = Table(fraction: 3, bias: 7, hasInfinity: false);

    /// <summary>1 sign, 5 exponent bits (bias 15), 2 of the fraction; infinity and NaN as in IEEE 754.</summary>
    public static float[] E5M2 { get; } = Table(fraction: 2, bias: 15, hasInfinity: true);

    /// <summary>A power of two from 2^-127 to 2^127; 255 is NaN.</summary>
    public static float[] E8M0 { get; } =
        [.. Enumerable.Range(0, 256).Select(code => code == 255 ? float.NaN : MathF.ScaleB(1, code - 127))];

    private static float[] Table(int fraction, int bias, bool hasInfinity) =>
    [
        .. Enumerable.Range(0, 256).Select(code =>
        {
            var (sign, exponent, rest) = (code >= 128 ? -1f : 1f, (code & 127) >> fraction, code & ((1 << fraction) - 1));
            var largest = (1 << (7 - fraction)) - 1;
            if (exponent == largest && (hasInfinity || rest == (1 << fraction) - 1))
                return hasInfinity && rest == 0 ? sign * float.PositiveInfinity : float.NaN;
            return exponent == 0
                ? sign * MathF.ScaleB(rest, 1 - bias - fraction)
                : sign * MathF.ScaleB((1 << fraction) + rest, exponent - bias - fraction);
        }),
    ];
}
