using System.Globalization;

namespace MappingNets;

/// <summary>Shapes and counts as every message and table of the library writes them.</summary>
internal static class ShapeText
{
    public static string Of(IEnumerable<long> shape) =>
        $"({string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))})";

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static long Product(IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => checked(product * size));
}
