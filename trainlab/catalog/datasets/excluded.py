"""Which of torchvision's data sets are not offered, and why."""

_OTHER = "no class for each image: it teaches another task"
_OTHERS = """CarlaStereo CelebA Cityscapes CocoCaptions CocoDetection CREStereo ETH3DStereo FallingThingsStereo
Flickr30k Flickr8k FlyingChairs FlyingThings3D HD1K InStereo2k Kitti Kitti2012Stereo Kitti2015Stereo KittiFlow
LFWPairs Middlebury2014Stereo PhotoTour SBDataset SBU SceneFlowStereo Sintel SintelStereo VOCDetection
VOCSegmentation WIDERFace"""
_FILMS = "films, not images"
_LARGE = "too large for a lab that keeps its images in memory"
_FOLDER = "open it as an image folder"
_SAME = "MNIST's task again, in another format"

EXCLUDED: dict[str, str] = {
    # classes of images
    "Caltech101": _FOLDER,
    "Caltech256": _FOLDER,
    "CLEVRClassification": "counts the things in drawn scenes; an 18 GB download",
    "Country211": _FOLDER,
    "DTD": "textures, 40 images of each class; " + _FOLDER,
    "EuroSAT": _FOLDER,
    "FER2013": "has to be fetched by hand from Kaggle; " + _FOLDER,
    "FGVCAircraft": "differs in details that are lost in small squares",
    "Food101": _LARGE,
    "ImageNet": _LARGE + ", and not free to download: Imagenette is a part of it",
    "INaturalist": _LARGE,
    "LFWPeople": "faces of named people; the download is closed",
    "LSUN": _LARGE,
    "LSUNClass": _LARGE,
    "Omniglot": "1,623 classes of 20 drawings: for learning from one example",
    "PCAM": _LARGE,
    "Places365": _LARGE,
    "QMNIST": _SAME,
    "RenderedSST2": "sentences as pictures: a test of reading",
    "SEMEION": _SAME,
    "StanfordCars": "its publisher took it off the network",
    "SUN397": _LARGE,
    "USPS": _SAME,
    # bases and toys
    "DatasetFolder": "the base of ImageFolder",
    "FakeData": "noise without anything to learn",
    "VisionDataset": "the base of all",
    "wrap_dataset_for_transforms_v2": "no data set",
    # other tasks
    **dict.fromkeys(("HMDB51", "Kinetics", "MovingMNIST", "UCF101"), _FILMS),
    **dict.fromkeys(_OTHERS.split(), _OTHER),
}
