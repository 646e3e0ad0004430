using MappingNets.Experiments.SyntheticData;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// CamVid as the table of segmentation takes it: trained on random crops that are mirrored at random, watched on the middles of "val", judged once
/// on the whole pictures of "test".
/// </summary>
internal static class CamVidScenes
{
    /// <summary>Pictures of 240 x 320 pixels.</summary>
    public const string Whole = "camvid";

    /// <summary>Pictures of half the sides: a quarter of the work.</summary>
    public const string Half = "camvid-half";

    private const int Height = 240;
    private const int Width = 320;
    private const int CropHeight = 192;
    private const int CropWidth = 256;
    private const int QuickScenes = 12;
    private const int QuickJudged = 4;

    /// <summary>How far the shown scenes of 233 lie apart: neighbours are seconds of one drive.</summary>
    private const int ShownEvery = 80;

    /// <summary>Loads the three splits.</summary>
    /// <param name="name"><see cref="Whole"/> or <see cref="Half"/>.</param>
    /// <param name="folder">The folder with images, masks and classes.txt.</param>
    /// <param name="quick">Whether a few scenes at a quarter of the sides are enough.</param>
    public static ExperimentData Load(string name, string folder, bool quick)
    {
        var shrinking = quick ? 4 : name == Half ? 2 : 1;
        var (height, width, cropHeight, cropWidth) = (Height / shrinking, Width / shrinking, CropHeight / shrinking, CropWidth / shrinking);
        var source = DataSource.Real(name);
        source = source with
        {
            Statement = $"{source.Statement} Pictures of {height} x {width} pixels, trained on random crops of {cropHeight} x {cropWidth}, half of them mirrored; "
                + "train % is on such crops, held out % on the middles of \"val\", and the test figures on all pixels of \"test\", each seen once in a crop of the same size. "
                + "CamVid has its own 11 classes: these figures do not compare with those of Cityscapes.",
        };
        Console.WriteLine(source.Statement);
        Dataset Open(string split)
        {
            var all = CamVid.Open(folder, split, height, width);
            return quick ? all.Take(Math.Min(split == "train" ? QuickScenes : QuickJudged, all.Count)) : all;
        }

        using var training = Open("train").ToMemory();
        var test = Open("test");
        return new(
            training.Augmented(Augmentation.None.Crop(cropHeight, cropWidth).FlipHorizontally()),
            CamVid.Middles(Open("val"), cropHeight, cropWidth).ToMemory(),
            CamVid.Corners(test, cropHeight, cropWidth))
        {
            Source = source,
            Shown = CamVid.Middles(test, cropHeight, cropWidth, quick ? 1 : ShownEvery),
        };
    }
}
