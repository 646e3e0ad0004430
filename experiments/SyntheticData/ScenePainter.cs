namespace MappingNets.Experiments.SyntheticData;

/// <summary>The ids that Cityscapes has for what is drawn here.</summary>
internal enum LabelId : byte
{
    EgoVehicle = 1,
    Road = 7,
    Sidewalk = 8,
    Building = 11,
    Pole = 17,
    TrafficLight = 19,
    TrafficSign = 20,
    Vegetation = 21,
    Terrain = 22,
    Sky = 23,
    Person = 24,
    Car = 26,
}

/// <summary>
/// Draws shapes into a picture and the same shapes into its labels. Coordinates are in picture heights from the upper left; colours
/// are 0 to 255. Each scene has a light of its own, each shape a tint of its own, and each pixel some noise.
/// </summary>
internal sealed class ScenePainter
{
    private const double PixelNoise = 7;

    private readonly SyntheticRandom random;
    private readonly double light;

    public ScenePainter(int height, int width, SyntheticRandom random)
    {
        (Height, Width, this.random) = (height, width, random);
        light = random.Between(0.65, 1.1);
        Colours = new byte[4 * height * width];
        Labels = new byte[height * width];
    }

    public int Height { get; }

    public int Width { get; }

    /// <summary>Red, green, blue and opacity of each pixel, row by row.</summary>
    public byte[] Colours { get; }

    /// <summary>The id of each pixel, row by row.</summary>
    public byte[] Labels { get; }

    public void Rectangle(
        LabelId id, (double, double, double) colour, double left, double top, double right, double bottom, double texture = 0) =>
        Fill(id, colour, top, bottom, _ => (left, right), texture);

    public void Ellipse(
        LabelId id, (double, double, double) colour, double x, double y, double halfWidth, double halfHeight, double texture = 0) =>
        Fill(id, colour, y - halfHeight, y + halfHeight, at =>
        {
            var half = halfWidth * Math.Sqrt(Math.Max(0, 1 - Math.Pow((at - y) / halfHeight, 2)));
            return (x - half, x + half);
        }, texture);

    public void Trapezoid(
        LabelId id, (double, double, double) colour, double top, double bottom, (double Left, double Right) above, (double Left, double Right) below) =>
        Fill(id, colour, top, bottom, at =>
        {
            var share = (at - top) / (bottom - top);
            return (above.Left + (share * (below.Left - above.Left)), above.Right + (share * (below.Right - above.Right)));
        }, 0);

    private void Fill(
        LabelId id, (double Red, double Green, double Blue) colour, double top, double bottom, Func<double, (double Left, double Right)> spanAt, double texture)
    {
        var tint = 1 + (0.1 * random.Normal());
        var (first, last) = (Math.Max(0, (int)(top * Height)), Math.Min(Height - 1, (int)(bottom * Height)));
        for (var y = first; y <= last; y++)
        {
            var (left, right) = spanAt((y + 0.5) / Height);
            for (var x = Math.Max(0, (int)(left * Height)); x < Math.Min(Width, right * Height); x++)
            {
                // Windows and leaves: a coarse pattern over the shape.
                var pattern = 1 + (texture * Math.Sin(60.0 * x / Height) * Math.Sin(50.0 * y / Height));
                var place = (y * Width) + x;
                Labels[place] = (byte)id;
                Colours[4 * place] = Byte(colour.Red * tint * pattern);
                Colours[(4 * place) + 1] = Byte(colour.Green * tint * pattern);
                Colours[(4 * place) + 2] = Byte(colour.Blue * tint * pattern);
                Colours[(4 * place) + 3] = 255;
            }
        }
    }

    private byte Byte(double value) => (byte)Math.Clamp((value * light) + (PixelNoise * random.Normal()), 0, 255);
}
