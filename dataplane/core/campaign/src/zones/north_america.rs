//! Area codes of the North American Numbering Plan (country code 1).
//!
//! An area that lies in several zones has all of them. A code that is not listed (toll-free,
//! personal numbers, codes newer than this table) may be anywhere in the United States and Canada.

/// The zones of a number without its country code.
pub(super) fn zones(national: &str) -> &'static str {
    let area = national.get(..3).unwrap_or(national);
    TABLE
        .iter()
        .find(|(areas, _)| areas.split_ascii_whitespace().any(|listed| listed == area))
        .map_or(ANYWHERE, |(_, zones)| zones)
}

/// From Newfoundland to the Aleutians and Hawaii.
pub(super) const ANYWHERE: &str = "America/St_Johns America/Halifax America/New_York \
    America/Chicago America/Regina America/Denver America/Phoenix America/Los_Angeles \
    America/Whitehorse America/Anchorage America/Adak Pacific/Honolulu";

/// Area codes and the zones that all of them may be in.
pub(super) const TABLE: &[(&str, &str)] = &[
    // United States, Eastern.
    (
        "201 202 203 207 212 215 216 220 223 227 229 231 234 239 240 248 252 260 267 269 272 276 \
         283 301 302 304 305 313 315 317 321 324 326 329 330 332 336 339 347 351 352 363 380 386 \
         401 404 407 410 412 413 419 434 436 440 443 445 463 470 472 475 478 484 502 508 513 516 \
         517 518 540 551 561 567 570 571 582 585 586 603 607 609 610 614 616 617 624 631 640 \
         645 646 656 667 678 679 680 681 686 689 703 704 706 716 717 718 724 727 728 732 734 740 \
         743 754 757 762 765 770 771 772 774 781 786 802 803 804 810 813 814 821 826 828 835 838 \
         839 843 845 848 854 856 857 859 860 862 863 864 865 878 904 908 910 912 914 917 919 929 \
         934 937 941 943 947 948 954 959 973 978 980 984 989",
        "America/New_York",
    ),
    // Both Eastern and Central: western Florida, Indiana, Kentucky, upper Michigan, Tennessee.
    (
        "219 270 364 423 448 574 606 812 850 906 930 931",
        "America/New_York America/Chicago",
    ),
    // Central.
    (
        "205 210 214 217 218 224 225 228 235 251 254 256 262 274 281 309 312 314 316 318 319 320 \
         325 327 331 334 337 346 353 361 402 405 409 414 417 430 447 464 469 479 483 501 504 507 \
         512 515 531 534 539 557 563 572 573 580 601 608 612 615 618 629 630 636 641 651 659 660 \
         662 682 708 712 713 715 726 729 730 731 737 763 769 773 779 806 815 816 817 830 832 847 \
         861 870 872 901 903 913 918 920 924 936 938 940 945 952 956 972 975 979 985",
        "America/Chicago",
    ),
    // Both Central and Mountain: western Nebraska, Kansas, the Dakotas and Texas.
    ("308 432 605 620 701 785", "America/Chicago America/Denver"),
    // Mountain.
    (
        "303 307 385 406 435 505 575 719 720 748 801 915 970 983",
        "America/Denver",
    ),
    // Arizona keeps standard time, the Navajo Nation in it does not.
    ("480 520 602 623", "America/Phoenix"),
    ("928", "America/Phoenix America/Denver"),
    // Both Mountain and Pacific: Idaho, eastern Oregon and Nevada.
    ("208 458 541 986", "America/Los_Angeles America/Boise"),
    ("775", "America/Los_Angeles America/Denver"),
    // Pacific.
    (
        "206 209 213 253 279 310 323 341 350 357 360 369 408 415 424 425 442 503 509 510 530 559 \
         562 564 619 626 628 650 657 661 669 702 707 714 725 738 747 760 805 818 820 831 837 840 \
         858 909 916 925 949 951 971",
        "America/Los_Angeles",
    ),
    ("907", "America/Anchorage America/Adak"),
    ("808", "Pacific/Honolulu"),
    // Canada.
    (
        "709 879",
        "America/St_Johns America/Halifax America/Puerto_Rico",
    ),
    ("428 506 782 902", "America/Halifax"),
    (
        "367 418 581",
        "America/Toronto America/Halifax America/Puerto_Rico",
    ),
    (
        "226 249 263 289 343 354 365 382 387 416 437 438 450 468 514 519 548 579 613 647 683 705 \
         742 753 819 873 905 942",
        "America/Toronto",
    ),
    ("807", "America/Toronto America/Winnipeg America/Panama"),
    ("204 431 584", "America/Winnipeg"),
    (
        "306 474 639",
        "America/Regina America/Edmonton America/Winnipeg",
    ),
    ("368 403 587 780 825", "America/Edmonton"),
    (
        "236 250 257 672 778",
        "America/Vancouver America/Edmonton America/Fort_Nelson",
    ),
    ("604", "America/Vancouver"),
    (
        "867",
        "America/Whitehorse America/Edmonton America/Winnipeg America/Toronto America/Panama",
    ),
    // Islands.
    ("242", "America/Nassau"),
    ("246", "America/Barbados"),
    ("264", "America/Anguilla"),
    ("268", "America/Antigua"),
    ("284", "America/Tortola"),
    ("340", "America/St_Thomas"),
    ("345", "America/Cayman"),
    ("441", "Atlantic/Bermuda"),
    ("473", "America/Grenada"),
    ("649", "America/Grand_Turk"),
    ("658 876", "America/Jamaica"),
    ("664", "America/Montserrat"),
    ("670", "Pacific/Saipan"),
    ("671", "Pacific/Guam"),
    ("684", "Pacific/Pago_Pago"),
    ("721", "America/Lower_Princes"),
    ("758", "America/St_Lucia"),
    ("767", "America/Dominica"),
    ("784", "America/St_Vincent"),
    ("787 939", "America/Puerto_Rico"),
    ("809 829 849", "America/Santo_Domingo"),
    ("868", "America/Port_of_Spain"),
    ("869", "America/St_Kitts"),
];
