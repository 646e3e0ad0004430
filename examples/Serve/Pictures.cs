using SkiaSharp;

namespace MappingNets.Examples.Serve;

/// <summary>A picture to ask about.</summary>
internal static class Pictures
{
    /// <summary>The first test picture of FashionMNIST, an ankle boot, as a PNG file.</summary>
    public static Task<byte[]> Png() => Task.Run(() =>
    {
        var (training, test) = FashionMnist.Load();
        training.Dispose();
        using (test)
        using (var one = test.Take(1))
        using (var bitmap = new SKBitmap(new SKImageInfo(Tenants.Side, Tenants.Side, SKColorType.Gray8)))
        {
            var pixels = one.Inputs.data<float>().ToArray();
            for (var place = 0; place < pixels.Length; place++)
            {
                var grey = (byte)Math.Clamp(Math.Round(255 * ((pixels[place] * FashionMnist.StandardDeviation) + FashionMnist.Mean)), 0, 255);
                bitmap.SetPixel(place % Tenants.Side, place / Tenants.Side, new SKColor(grey, grey, grey));
            }

            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            return data.ToArray();
        }
    });
}
