using MappingNets.Examples.Segmentation;
using MappingNets.Experiments.Reporting;

return ExampleProgram.Run(
    args,
    """
    Names the class of each pixel of street scenes with a U-Net, trained directly and through latents, and writes a table and a picture.

      FOLDER           leftImg8bit and gtFine of Cityscapes; synthetic scenes by default
      --out FOLDER     where the results go; artifacts/segmentation where it is not named
      --seed N         the seed of every run and of synthetic scenes; 1 by default
      --epochs N       epochs of every training; 10 where it is not named
    """,
    Path.Combine("artifacts", "segmentation"),
    StreetScenes.Run);
